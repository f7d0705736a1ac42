"""Who is measured. Each name is an adapter in this folder, and says in its docstring how it was set and why."""

__all__ = ["NAMES"]

NAMES = (
    "openhands",
    "praisonai_doom_loop",
    "praisonai_tool_loop",
    "agent_loop_guard",
    "agent_patrol",
    "agent_watchdog",
    "agentbelt_loop",
    "agentguard47",
    "reivo_guard",
    "snagtrace",
    "trajectory_fuse",
    "unwedge",
)

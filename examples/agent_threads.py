"""The same for an agent without asyncio: `check` before each call, `stopping` for code that can look at a flag only.

AGENTWATCH_REDIS_URL=redis://localhost python examples/agent_threads.py
"""

import os

from agentwatch.client import AgentKilled, ThreadGuard


def run_tool(path: str, stopping_wait: float, guard: ThreadGuard) -> str:
    """Stand in for a tool that takes a while and gives up when it is told to."""
    guard.stopping.wait(stopping_wait)
    return f"{path}: no such file"


def main() -> None:
    """Look for the same missing file for ever."""
    redis = os.environ.get("AGENTWATCH_REDIS_URL", "redis://localhost:6379")
    with ThreadGuard(agent="finder", app="files", run="search-7", redis=redis) as guard:
        try:
            for step in range(int(os.environ.get("STEPS", "1000"))):
                guard.check()
                result = run_tool("report.pdf", 0.2, guard)
                guard.emit(op="execute_tool", step=step, tool="read_file", arguments={"path": "report.pdf"},
                           result=result, status="error")  # fmt: skip
        except AgentKilled as stop:
            print(f"stopped by agentwatch: {stop.reason or stop.subject}")  # noqa: T201  # it is an example


if __name__ == "__main__":
    main()

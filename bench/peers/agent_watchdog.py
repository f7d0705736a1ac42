"""agent-watchdog 0.1.5: `agent_watchdog.AgentWatchdog.record_tool_call`, inside its `watch()`, defaults.

The budget and the time limit are off: they read the clock and tokens of the process, which a recorded run has not got.
Its halt, an exception, is the alarm; after it the library is silent.
"""

from agent_watchdog import AgentWatchdog
from agent_watchdog.watchdog import WatchdogHalt

from bench.peers.step import Step

PACKAGE = "agent-watchdog"
ABOUT = "equal calls in a row, a pattern that fills a window of 8"
COMPARES = "calls"


class Watcher:
    """One watched run."""

    def __init__(self) -> None:
        self._watchdog = AgentWatchdog(timeout_seconds=None, max_budget_usd=float("inf"))
        self._watching = self._watchdog.watch()
        self._watching.__enter__()

    def feed(self, step: Step) -> bool:
        try:
            self._watchdog.record_tool_call(step.tool, step.args, step.result)
        except WatchdogHalt:
            return True
        return False

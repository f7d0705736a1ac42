"""agentguard47 2.0.0: `agentguard.LoopGuard.check` and `agentguard.RetryGuard.auto_check`, defaults.

The two guards that its own traces attach. `FuzzyLoopGuard` is left out: it counts names of tools alone (five calls of
one tool within ten), so that nearly every innocent run of an agent with one shell is accused.
"""

from agentguard import LoopDetected, LoopGuard, RetryGuard, RetryLimitExceeded

from bench.peers.step import Step

PACKAGE = "agentguard47"
ABOUT = "3 equal calls in a row, more than 3 failures of a tool"
COMPARES = "calls"


class Watcher:
    """Both guards over one run."""

    def __init__(self) -> None:
        self._loops = LoopGuard()
        self._retries = RetryGuard()

    def feed(self, step: Step) -> bool:
        try:
            self._loops.check(step.tool, step.args)
            self._retries.auto_check("tool.error" if step.failed else "tool.result", {"tool_name": step.tool})
        except (LoopDetected, RetryLimitExceeded):
            return True
        return False

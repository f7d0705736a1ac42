"""agentbelt-loop 0.1.1: `agentbelt_loop.LoopDetector.record` and `.check`, the shipped policy.

Near-equal calls (token overlap .92) three in a row, exact cycles up to four long, near-equal results of one tool.
Its learning across sessions is off by its own rule here, as each run has a detector of its own.
"""

from agentbelt_loop import LoopDetected, LoopDetector

from bench.peers.step import Step

PACKAGE = "agentbelt-loop"
ABOUT = "near-equal calls or results in a row, cycles to 4"
COMPARES = "similarity"
_SESSION = "run"


class Watcher:
    """One detector a run."""

    def __init__(self) -> None:
        self._detector = LoopDetector()

    def feed(self, step: Step) -> bool:
        self._detector.record(_SESSION, step.tool, step.args, step.result)
        try:
            self._detector.check(_SESSION)
        except LoopDetected:
            return True
        return False

"""agent-loop-guard 0.1.1: `loop_guard.LoopGuard.check(tool, args, output)`, defaults (window 10, similarity .85).

The likeness of arguments and of outputs, equal calls and cycles of tool names add up to a streak; the first decision
that asks for a warning counts, as agentwatch's warning does.
"""

from loop_guard.guard import LoopGuard

from bench.peers.step import Step

PACKAGE = "agent-loop-guard"
ABOUT = "likeness of arguments and outputs, tool cycles"
COMPARES = "similarity"


class Watcher:
    """One guard a run."""

    def __init__(self) -> None:
        self._guard = LoopGuard()

    def feed(self, step: Step) -> bool:
        decision = self._guard.check(step.tool, step.args, step.result)
        return decision.should_warn or decision.is_loop

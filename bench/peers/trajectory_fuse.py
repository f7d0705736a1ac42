"""trajectory-fuse 0.3.0: `trajectory_fuse.AgentFuse.observe`, the shipped configuration, no persistence.

Results and whether they failed are given, so that its semantic stagnation can speak. `DeadlockDetected` is the alarm.
"""

from trajectory_fuse import Action, AgentFuse, DeadlockDetected

from bench.peers.step import Step

PACKAGE = "trajectory-fuse"
ABOUT = "3 equal calls in a row, cycles to 6, near-equal failures"
COMPARES = "similarity"


class Watcher:
    """One fuse a run."""

    def __init__(self) -> None:
        self._fuse = AgentFuse()

    def feed(self, step: Step) -> bool:
        action = Action(step.tool, step.args, result=step.result, success=not step.failed, timestamp=step.ts)
        try:
            self._fuse.observe(action)
        except DeadlockDetected:
            return True
        return False

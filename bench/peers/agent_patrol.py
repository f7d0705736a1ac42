"""agent-patrol 0.1.0: `agent_patrol.PatrolMonitor.observe(action, result)`, sensitivity medium as shipped.

No task description is given: with one, two further detectors (drift, abandonment) speak of relevance and not of loops.
Every report that is not healthy counts.
"""

from agent_patrol import PatrolMonitor

from bench.peers.step import Step

PACKAGE = "agent-patrol"
ABOUT = "word overlap of the last steps, A-B-A-B"
COMPARES = "similarity"


class Watcher:
    """One monitor a run."""

    def __init__(self) -> None:
        self._monitor = PatrolMonitor()

    def feed(self, step: Step) -> bool:
        return not self._monitor.observe(f"{step.tool} {step.arguments}", step.result or "").is_healthy

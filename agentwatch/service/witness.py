"""A bank that tells of each event what the detectors said of it, for whoever looks at a replay from beside it."""

from collections.abc import Callable, Sequence

from agentwatch.detect.bank import Bank
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.detect.state import Scope
from agentwatch.records import Observation, Signal

__all__ = ["Tell", "Witness"]

Tell = Callable[[Observation, Sequence[Signal]], None]


class Witness(Bank):
    """Judges as the usual bank does, then calls `tell` with the event and its signals. A duplicate is told, too."""

    def __init__(self, options: StateOptions, tell: Tell) -> None:
        super().__init__(options)
        self._tell = tell

    def observe(self, seen: Observation, scope: Scope, options: DetectOptions) -> list[Signal]:
        """Judge the event, and tell what was said of it."""
        signals = super().observe(seen, scope, options)
        self._tell(seen, signals)
        return signals

"""Counts events of which nothing follows but sums, in the compiled form: while they are near, and at one go.

What it counts into is not of detection: whoever makes one tells the classes.
"""

from typing import Any, Protocol

from msgspec import Struct

from agentwatch.detect.kernel import kernel_form, native
from agentwatch.detect.state import Scope
from agentwatch.fingerprint.compiled import places
from agentwatch.records import Observation

__all__ = ["COUNTED", "GATE_LEFT", "LEFT", "Tally", "tally_of"]

LEFT, COUNTED, GATE_LEFT = range(3)  # what `take` gives
_LINE = ("tenant", "team", "app", "model", "since", "until", "batch", "row")
_RUN = ("at", "rule")
_OUTCOME = ("at", "failed")


class Tally(Protocol):
    """One batch at a time. Between two, and where it cannot tell, everything is left to the pure form."""

    def open(
        self,
        latest: dict[str, Any],
        begun: list[Any],
        batch: int,
        most: int,
        runs: dict[tuple[str, str, str], Any],
        active_s: float,
        outcomes: dict[tuple[str, str, str], Any],
        outcome_s: float,
        now: float,
        /,
    ) -> None:
        """Begin a batch. latest to most: of the ledger; runs to outcome_s: of the gate, of which `now` is the time."""

    def take(self, seen: Observation, scope: Scope, rule: str, /) -> int:
        """Count an event; gives LEFT where nothing was, and GATE_LEFT where the gate is still to be told."""

    def close(self) -> None:
        """End the batch."""


def tally_of(names: dict[str, int], line: type[Struct], run: type[Struct], outcome: type[Struct]) -> Tally | None:
    """Make one, in the compiled form; None in the pure one. names: of all that something is known about."""
    if not kernel_form():
        return None
    try:
        fields = ((line, _LINE), (run, _RUN), (outcome, _OUTCOME))
        spots = tuple(places(kind)[f"{kind.__name__}.{name}"] for kind, wanted in fields for name in wanted)
        return native.Tally(names, (line, run, outcome), spots)
    except (KeyError, ValueError, TypeError):
        return None  # laid out in a way that is not known here

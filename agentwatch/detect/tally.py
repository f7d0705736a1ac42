"""Counts events of which nothing follows but sums, in the compiled form: while they are near, and at one go.

What it counts into is not of detection: whoever makes one tells the classes.
"""

from typing import TYPE_CHECKING

from msgspec import Struct

from agentwatch.detect.kernel import kernel_form, native
from agentwatch.fingerprint.compiled import places

if TYPE_CHECKING:
    from agentwatch.detect._kernel import Tally

__all__ = ["COUNTED", "GATE_LEFT", "LEFT", "tally_of"]

LEFT, COUNTED, GATE_LEFT = range(3)  # what `Tally.take` gives: nothing was counted, all was, the gate is to be told
_LINE = ("tenant", "team", "app", "model", "since", "until", "batch", "row")
_RUN = ("at", "rule")
_OUTCOME = ("at", "failed")


def tally_of(names: dict[str, int], line: type[Struct], run: type[Struct], outcome: type[Struct]) -> "Tally | None":
    """Make one, in the compiled form; None in the pure one. names: of all that something is known about."""
    if not kernel_form():
        return None
    try:
        fields = ((line, _LINE), (run, _RUN), (outcome, _OUTCOME))
        spots = tuple(places(kind)[f"{kind.__name__}.{name}"] for kind, wanted in fields for name in wanted)
        return native.Tally(names, (line, run, outcome), spots)
    except (KeyError, ValueError, TypeError):
        return None  # laid out in a way that is not known here

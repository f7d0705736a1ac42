"""Each labelled run beside what a replay said of it: found, too early, or accused for nothing, at one level.

A loop is found by the first rise to the level asked about (or beyond) at or after its onset less one, where the onset
is the position within the run of the first event that repeats with nothing new. A rise before that is a false alarm on
it, found or not.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from agentwatch.errors import BadInput
from agentwatch.evaluate.labels import Label
from agentwatch.records import Level

__all__ = ["Judged", "Moment", "Moments", "Rise", "judge", "rises_at"]


class Moment(Struct, frozen=True, gc=False):
    """When an event was, and what it cost (None: not known)."""

    ts: float
    cost_nusd: int | None = None


class Rise(Struct, frozen=True):
    """A rise of a run to a level: where in the run, by which detector, and what it said."""

    position: int
    kind: str = ""
    reason: str = ""
    speaks_for: tuple[str, ...] = ()
    against: tuple[str, ...] = ()


class Judged(Struct, frozen=True):
    """One labelled run at one level: the first rise that is too early, and the first that is not.

    Of a benign run every rise is too early. delay_s, delay_usd: of a loop that was found, since its onset; None where
    not known.
    """

    label: Label
    early: Rise | None = None
    late: Rise | None = None
    delay_s: float | None = None
    delay_usd: float | None = None

    @property
    def delay(self) -> int:
        """Tell how many of the run's events after the onset it took; never less than none."""
        return max(0, self.late.position - self.label.onset) if self.late is not None else 0


class Moments(Struct):
    """The events of each run, in order, with their times and costs; without any, nothing is known of time and money."""

    of: dict[str, list[Moment]] = field(default_factory=dict)

    @classmethod
    def given(cls, placed: Sequence[tuple[str, int]], moments: Sequence[Moment]) -> "Moments":
        """Sort an input's moments by run."""
        found: dict[str, list[Moment]] = {}
        for (run, _), moment in zip(placed, moments, strict=False):
            found.setdefault(run, []).append(moment)
        return cls(found)

    def seconds(self, run: str, first: int, last: int) -> float | None:
        """Tell the time between two events of a run."""
        events = self.of.get(run)
        if not events or not 0 <= first < len(events) or not 0 <= last < len(events):
            return None
        return max(0.0, events[last].ts - events[first].ts)

    def dollars(self, run: str, first: int, last: int) -> float | None:
        """Tell what a run spent from one event to another, both counted.

        None where one of them has no known price, and where nothing in the run has one: then it is the log that holds
        no tokens.
        """
        events = self.of.get(run, [])
        spent = 0
        for one in events[first : last + 1]:
            if one.cost_nusd is None:
                return None
            spent += one.cost_nusd
        return spent / 1e9 if any(one.cost_nusd for one in events) else None


def rises_at(
    changes: Iterable[Mapping[str, Any]], placed: Sequence[tuple[str, int]], level: Level
) -> dict[str, list[Rise]]:
    """List each run's rises to a level or beyond, on whatever subject, by the events that caused them."""
    found: dict[str, list[Rise]] = {}
    for change in changes:
        if change.get("change") != "up" or Level[str(change["level"])] < level:
            continue
        index = int(change["index"])
        if not 0 <= index < len(placed):
            raise BadInput(f"index {index} is beyond the events", "changes")
        run, position = placed[index]
        kind, reason = str(change.get("kind", "")), str(change.get("reason", ""))
        said = (tuple(change.get("for", ())), tuple(change.get("against", ())))
        found.setdefault(run, []).append(Rise(position, kind, reason, *said))
    return found


def judge(labels: Sequence[Label], rises: Mapping[str, Sequence[Rise]], moments: Moments | None = None) -> list[Judged]:
    """Judge each labelled run by its rises to one level."""
    known = moments or Moments()
    return [_judge(label, rises.get(label.run, ()), known) for label in labels]


def _judge(label: Label, rises: Sequence[Rise], moments: Moments) -> Judged:
    if not label.loop:
        return Judged(label, rises[0] if rises else None)
    early = next((rise for rise in rises if rise.position < label.onset - 1), None)
    late = next((rise for rise in rises if rise.position >= label.onset - 1), None)
    if late is None:
        return Judged(label, early)
    stretch = (label.run, label.onset, max(label.onset, late.position))
    return Judged(label, early, late, moments.seconds(*stretch), moments.dollars(*stretch))

"""The runs that were judged wrongly, each with one line of why: what came nearest, how near, and what spoke against."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from agentwatch.evaluate.judging import Judged, Rise
from agentwatch.records import Level

__all__ = ["Miss", "Nearest", "confusion"]

_MOST_AGAINST = 2


class Nearest(Struct, frozen=True):
    """The signal that came nearest to a warning. strength: 1 warns. position: in the run."""

    kind: str
    strength: float
    position: int
    reason: str = ""
    against: tuple[str, ...] = ()


class Miss(Struct, frozen=True, kw_only=True):
    """One run that was judged wrongly. what: `missed`, `early` or `false_alarm`.

    kind, position, reason: of the rise that was wrong; of a miss, reason is what its label says. why: one line that
    tells how it came about. nearest: of a miss, where any signal was heard.
    """

    what: str
    at: str
    run: str
    source: str = ""
    shape: str = ""
    kind: str = ""
    position: int = -1
    onset: int = -1
    reason: str = ""
    why: str = ""
    nearest: Nearest | None = None


class Signalled(Protocol):
    """How far a detector got at an event of a run: where, which, in units of its warning, and what it said."""

    @property
    def position(self) -> int:
        """Index of the event in its run, from 0."""

    @property
    def kind(self) -> str:
        """The detector."""

    @property
    def strength(self) -> float:
        """In units of the detector's warning."""

    @property
    def reason(self) -> str:
        """What it said."""

    @property
    def against(self) -> tuple[str, ...]:
        """What spoke against."""


def confusion(
    judged: Sequence[Judged], level: Level, heard: Mapping[str, Sequence[Signalled]] | None, *, misses: bool = True
) -> Iterable[Miss]:
    """Name each run that was judged wrongly at a level; heard: how far detectors got, by run, where it was noted."""
    for one in judged:
        if one.early is not None:
            yield _alarm("early" if one.label.loop else "false_alarm", level, one, one.early)
        if misses and one.label.loop and one.late is None:
            yield _missed(level, one, None if heard is None else heard.get(one.label.run, ()))


def _alarm(what: str, level: Level, one: Judged, rise: Rise) -> Miss:
    return Miss(
        what=what,
        at=level.name,
        run=one.label.run,
        source=one.label.source,
        shape=one.label.shape,
        kind=rise.kind,
        position=rise.position,
        onset=one.label.onset,
        reason=rise.reason,
        why=_against(rise.against) or "nothing spoke against",
    )


def _missed(level: Level, one: Judged, heard: Sequence[Signalled] | None) -> Miss:
    nearest = _nearest(heard or (), one.label.onset - 1)
    if one.early is not None:
        why = f"accused too early, at {one.early.position}, and that stood"
    elif heard is None:
        why = ""
    elif nearest is None:
        why = "no detector saw anything in it"
    else:
        why = _near(nearest, level)
    return Miss(
        what="missed",
        at=level.name,
        run=one.label.run,
        source=one.label.source,
        shape=one.label.shape,
        onset=one.label.onset,
        reason=one.label.reason,
        why=why,
        nearest=nearest,
    )


def _nearest(heard: Sequence[Signalled], since: int) -> Nearest | None:
    """Find the strongest signal from a position on; where there is none, the strongest before it."""
    late = [one for one in heard if one.position >= since]
    best = max(late or heard, key=lambda one: one.strength, default=None)
    if best is None:
        return None
    return Nearest(best.kind, round(best.strength, 3), best.position, best.reason, tuple(best.against))


def _near(nearest: Nearest, level: Level) -> str:
    against = _against(nearest.against) or "nothing spoke against it"
    above = f", short of {level.name}" if nearest.strength >= 1.0 else " of a warning"
    return f"{nearest.kind} came to {nearest.strength:.2f}{above} at {nearest.position} ({nearest.reason}); {against}"


def _against(said: Sequence[str]) -> str:
    return "against: " + "; ".join(said[:_MOST_AGAINST]) if said else ""

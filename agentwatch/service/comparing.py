"""What another policy would have done with the same events: both are replayed, and what differs is told by subject."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from msgspec import Struct

from agentwatch.config import Config
from agentwatch.errors import BadInput
from agentwatch.records import Decision, Level, Observation, Signal
from agentwatch.rulebook import RuleBook
from agentwatch.service.replaying import Replay
from agentwatch.service.witness import Witness
from agentwatch.weighing import concerned

__all__ = ["Comparison", "Difference", "compare"]

_USD = 1_000_000_000
_WORDS = {Level.warn: "warned", Level.throttle: "throttled", Level.pause: "paused", Level.kill: "killed"}


class Difference(Struct, frozen=True, kw_only=True):
    """A subject that the two policies treat differently, by the hardest that each of them did to it.

    old, new: the level that took effect; old_decided, new_decided: that was reached before the gate, and old_gate,
    new_gate: what held it back. rule, kind, reason: of the harder one. index: its event's place in the input.
    spent_usd: all that the subject spent. saved_usd: what it spent after NEW stops it (pause or kill) less what it
    spent after OLD does; less than nothing where NEW lets it go on.
    """

    subject: str
    what: str
    old: Level
    new: Level
    old_decided: Level
    new_decided: Level
    old_gate: str = ""
    new_gate: str = ""
    rule: str = ""
    kind: str = ""
    reason: str = ""
    index: int = -1
    spent_usd: float = 0.0
    saved_usd: float = 0.0


class Comparison(Struct, frozen=True, kw_only=True):
    """All differences, hardest first, and what both policies agree on."""

    events: int
    runs: int
    malformed: int
    alike: int
    differences: tuple[Difference, ...]
    saved_usd: float = 0.0


class _Spent:
    """What one subject spent, in nano-dollars, by the places of its events: 16 bytes each."""

    def __init__(self) -> None:
        self._at = array("q")
        self._sums = array("q")

    def add(self, index: int, cost_nusd: int) -> None:
        """Take in the next event."""
        self._at.append(index)
        self._sums.append(cost_nusd + (self._sums[-1] if self._sums else 0))

    def total(self) -> int:
        """Tell what was spent in all."""
        return self._sums[-1] if self._sums else 0

    def after(self, index: int) -> int:
        """Tell what was spent after the event at this place."""
        upto = bisect_right(self._at, index)
        return self.total() - (self._sums[upto - 1] if upto else 0)


class _Spending:
    """What each subject spent. Decisions of a replay come out a chunk late, so the places of events are kept."""

    def __init__(self) -> None:
        self.subjects: dict[str, _Spent] = {}

    def note(self, seen: Observation, _signals: Sequence[Signal]) -> None:
        """Add an event to each subject that it concerns."""
        if seen.cost_nusd:
            for subject in concerned(seen.event):
                self.subjects.setdefault(subject, _Spent()).add(seen.index, seen.cost_nusd)


class _Fate(Struct):
    """The hardest that was decided about a subject and what took effect; at which event it was first stopped, or -1.

    reached: what took effect of the hardest decision.
    """

    effective: Level = Level.observe
    decided: Level = Level.observe
    reached: Level = Level.observe
    worst: Decision | None = None
    stopped_at: int = -1

    def take(self, decision: Decision) -> None:
        """Take in one decision about the subject."""
        effective = Level.observe if decision.gate else decision.level
        # of equal levels the one that took effect counts: what was held back and let through later was not held back
        if self.worst is None or (decision.level, effective) > (self.decided, self.reached):
            self.decided, self.reached, self.worst = decision.level, effective, decision
        self.effective = max(self.effective, effective)
        if effective >= Level.pause and self.stopped_at < 0:
            self.stopped_at = decision.index


_NOTHING = _Fate()
_NONE = _Spent()


def compare(
    config: Config,
    old: RuleBook,
    new: RuleBook,
    lines: Iterable[tuple[int, bytes]],
    again: Iterable[tuple[int, bytes]],
) -> Comparison:
    """Replay the events by the one policy and, given once more as `again`, by the other one.

    Raises `BadInput` where not one line is a usage event.
    """
    first, _, _ = _fates(config, old, lines)
    second, spent, replay = _fates(config, new, again)
    if replay.summary.events == 0:
        raise BadInput("no usage event is in the events given", "EVENTS")
    found = []
    subjects = dict.fromkeys((*first, *second))
    for subject in subjects:
        before, after = first.get(subject, _NOTHING), second.get(subject, _NOTHING)
        if _same(before, after):
            continue
        found.append(_difference(subject, before, after, spent.get(subject, _NONE)))
    found.sort(key=lambda one: (-max(one.old.height, one.new.height), -abs(one.saved_usd), one.subject))
    return Comparison(
        events=replay.summary.events,
        runs=replay.summary.runs,
        malformed=replay.summary.malformed,
        alike=len(subjects) - len(found),
        differences=tuple(found),
        saved_usd=round(sum(one.saved_usd for one in found), 9),
    )


def _same(before: _Fate, after: _Fate) -> bool:
    return _key(before) == _key(after)


def _key(fate: _Fate) -> tuple[Level, Level, str]:
    return fate.effective, fate.decided, _gate(fate)


def _gate(fate: _Fate) -> str:
    return fate.worst.gate if fate.worst is not None else ""


def _fates(
    config: Config, rulebook: RuleBook, lines: Iterable[tuple[int, bytes]]
) -> tuple[dict[str, _Fate], dict[str, _Spent], Replay]:
    spending = _Spending()
    replay = Replay(config, rulebook, bank=Witness(config.state, spending.note))
    fates: dict[str, _Fate] = {}
    for decision in replay.decisions(lines):
        fates.setdefault(decision.subject, _Fate()).take(decision)
    reached = {subject: fate for subject, fate in fates.items() if fate.decided > Level.observe}
    return reached, spending.subjects, replay


def _difference(subject: str, before: _Fate, after: _Fate, spent: _Spent) -> Difference:
    told = before if _key(before)[:2] > _key(after)[:2] else after
    worst = told.worst
    saved = _left(after, spent) - _left(before, spent)
    return Difference(
        subject=subject,
        what=_what(before, after),
        old=before.effective,
        new=after.effective,
        old_decided=before.decided,
        new_decided=after.decided,
        old_gate=_gate(before),
        new_gate=_gate(after),
        rule=worst.rule if worst is not None else "",
        kind=worst.kind if worst is not None else "",
        reason=worst.reason if worst is not None else "",
        index=worst.index if worst is not None else -1,
        spent_usd=round(spent.total() / _USD, 9),
        saved_usd=round(saved / _USD, 9),
    )


def _left(fate: _Fate, spent: _Spent) -> int:
    """Tell what the subject spent after its stop, which a guard would have kept it from; nothing without a stop."""
    return spent.after(fate.stopped_at) if fate.stopped_at >= 0 else 0


def _what(before: _Fate, after: _Fate) -> str:
    if after.effective > before.effective:
        return f"newly {_WORDS[after.effective]}"
    if after.effective < before.effective:
        left = f", still {_WORDS[after.effective]}" if after.effective > Level.observe else ""
        return f"no longer {_WORDS[before.effective]}{left}"
    if after.decided > before.decided:
        return f"would be {_WORDS[after.decided]}, were it not held back"
    if after.decided < before.decided:
        return f"would no longer be {_WORDS[before.decided]}"
    return f"held back by {_gate(after) or 'nothing'} instead of {_gate(before) or 'nothing'}"

"""From verdicts to levels: a subject climbs only while its evidence grows, and comes down when it stops.

Nothing here decides whether a level may take effect; that is the gate's.
"""

from collections.abc import Callable, Collection
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from agentwatch.counting import counted
from agentwatch.errors import Incompatible
from agentwatch.records import Change, Decision, Level, Origin, Verdict
from agentwatch.subject import Names

__all__ = ["Ladder", "LadderOptions", "Move"]

FORMAT = 1
_EVERY = tuple(Level)
Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0, le=366 * 86400.0)]


class LadderOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the middle levels lie, and how a subject comes down again.

    throttle_at, pause_at: share of the way from a signal's warning (0) to its kill (1). pause_before_kill: whether
    evidence that may yet justify a kill pauses too: a kill is then left to whoever looks at the pause. A level is left
    downwards after `calm_events` events without evidence and `calm_s` seconds of the app's clock; after `forget_s`
    seconds without evidence a subject starts anew. again_at: growth of the evidence at which a level is told again.
    """

    throttle_at: Share = 0.34
    pause_at: Share = 0.67
    pause_before_kill: bool = False
    calm_events: Annotated[int, Meta(ge=1, le=100_000)] = 12
    calm_s: Seconds = 60.0
    forget_s: Seconds = 6 * 3600.0
    again_at: Annotated[float, Meta(gt=1, le=1000)] = 2.0
    max_subjects: Annotated[int, Meta(ge=1, le=10_000_000)] = 100_000


class Move(Struct, frozen=True, kw_only=True):
    """What the ladder did to a subject. change is `up` also where the same level is told again."""

    subject: str
    previous: Level
    level: Level
    change: Change
    verdict: Verdict
    reason: str = ""


class Rung(Struct, array_like=True):
    """Where one subject stands: since when, at which strength, and how much calm there was since the last evidence.

    base: strength that was forgiven when an operator let the subject go on; only what grows beyond it counts.
    """

    level: Level
    since: float
    last: float
    peak: float
    told: float
    verdict: Verdict | None
    calm: int = 0
    base: float = 0.0


class _State(Struct, array_like=True):
    format: int
    dropped: int
    rungs: dict[str, Rung]


class Ladder:
    """Where every subject stands. Bounded: beyond `max_subjects` those at rest for longest are dropped.

    names: where its subjects are noted, with those of others.
    """

    def __init__(self, options: LadderOptions, names: Names | None = None) -> None:
        self.options = options
        self.dropped = 0
        self._rungs: dict[str, Rung] = {}
        self._names = names or Names()

    def __len__(self) -> int:
        """Count the subjects that are remembered: none means that there is nothing to let down."""
        return len(self._rungs)

    def level(self, subject: str) -> Level:
        """Tell where a subject stands."""
        rung = self._rungs.get(subject)
        return Level.observe if rung is None else rung.level

    def concerns(self, names: Collection[str]) -> bool:
        """Tell whether a subject with one of these names (run, root, agent or app, unescaped) may be remembered."""
        return self._names.has_any(names)

    def standing(self) -> dict[str, Level]:
        """List the subjects above `observe`."""
        return {subject: rung.level for subject, rung in self._rungs.items() if rung.level > Level.observe}

    def climb(
        self, verdict: Verdict, now: float, allowed: Collection[Level] = _EVERY, options: LadderOptions | None = None
    ) -> Move | None:
        """Take in a verdict; gives the move where the subject's level rises or its evidence doubled.

        `allowed` are the levels that the rule allows; `options` are the rule's own, where it has some.
        """
        chosen = options or self.options
        rung = self._rungs.get(verdict.subject)
        if rung is None or (now - rung.last > chosen.forget_s and rung.level < Level.kill):
            rung = self._begin(verdict.subject, now, rung)
        strength = verdict.lead.strength
        rung.base = min(rung.base, strength)
        effective = strength - rung.base
        rung.last, rung.calm = max(rung.last, now), 0
        if rung.level is Level.kill:
            return None
        reached = _cap(_reached(verdict, effective, chosen, allowed), allowed)
        grows = effective > rung.peak
        rung.peak = max(rung.peak, effective)
        if reached > rung.level and (grows or rung.level is Level.observe):
            return self._move(rung, verdict, reached, now, effective)
        if Level.observe < rung.level == reached and grows and effective >= rung.told * chosen.again_at:
            return self._move(rung, verdict, reached, now, effective)
        return None

    def calm(
        self, subject: str, now: float, allowed: Collection[Level] = _EVERY, options: LadderOptions | None = None
    ) -> Move | None:
        """Take in an event of a subject that is evidence of nothing; gives the move where it comes down by a level.

        `allowed` are the levels that the rule allows: it comes down to the next of them. Who was killed stays so: its
        lease's end or an operator ends that.
        """
        rung = self._rungs.get(subject)
        if rung is None or rung.level in (Level.observe, Level.kill) or rung.verdict is None:
            return None
        chosen = options or self.options
        rung.calm += 1
        if rung.calm < chosen.calm_events or now - rung.last < chosen.calm_s:
            return None
        previous, rung.level = rung.level, _cap(rung.level.below(), allowed)
        verdict, rung.calm, rung.peak, rung.told = rung.verdict, 0, 0.0, 0.0
        rung.since = rung.last = now
        if rung.level is Level.observe:
            self._forget(subject)
        reason = f"{counted(chosen.calm_events, 'event')} and {chosen.calm_s:.0f} s without new evidence"
        return Move(
            subject=subject,
            previous=previous,
            level=rung.level,
            change=Change.down,
            verdict=verdict,
            reason=reason,
        )

    def subjects(self) -> tuple[str, ...]:
        """List the subjects that are remembered."""
        return tuple(self._rungs)

    def forget(self, subject: str) -> None:
        """Let a subject start anew, if it is remembered."""
        if subject in self._rungs:
            self._forget(subject)

    def fold(self, decision: Decision) -> None:
        """Take in a decision, also one read back from the log: it says where its subject stands now."""
        rung = self._rungs.get(decision.subject)
        if decision.change is Change.lapsed:
            return
        if decision.level is Level.observe:
            self._release(decision, rung)
            return
        if decision.change is Change.unanswered and rung is not None:
            self._forgive(rung)
        if rung is None:
            rung = self._begin(decision.subject, decision.ts or decision.at, None)
        rung.level = decision.level

    def absorb(self, other: "Ladder", mine: Callable[[str], bool]) -> None:
        """Take over where those subjects of another ladder stand that are `mine`."""
        for subject, rung in other._rungs.items():
            if mine(subject) and subject not in self._rungs:
                self._rungs[subject] = rung
                self._names.add(subject)

    def snapshot(self) -> bytes:
        """Encode where everything stands."""
        return msgspec.msgpack.encode(_State(FORMAT, self.dropped, self._rungs))

    def restore(self, data: bytes) -> None:
        """Take over an encoded state. Raises `Incompatible` for a format that this version does not read."""
        try:
            state = msgspec.msgpack.decode(data, type=_State)
        except msgspec.MsgspecError as error:
            raise Incompatible(f"ladder state: {error}") from error
        if state.format != FORMAT:
            raise Incompatible(f"ladder state of format {state.format}; this version reads {FORMAT}")
        self._names.change(self._rungs, state.rungs)
        self.dropped, self._rungs = state.dropped, state.rungs

    def _move(self, rung: Rung, verdict: Verdict, level: Level, now: float, effective: float) -> Move:
        previous = rung.level
        rung.level, rung.verdict, rung.told = level, verdict, effective
        if level is not previous:
            rung.since = now
        return Move(subject=verdict.subject, previous=previous, level=level, change=Change.up, verdict=verdict)

    def _begin(self, subject: str, now: float, old: Rung | None) -> Rung:
        if old is None and len(self._rungs) >= self.options.max_subjects:
            self._thin()
        level = Level.observe if old is None else old.level
        rung = Rung(level, now, now, 0.0, 0.0, None if old is None else old.verdict)
        if old is None:
            self._names.add(subject)
        self._rungs[subject] = rung
        return rung

    def _forget(self, subject: str) -> None:
        del self._rungs[subject]
        self._names.remove(subject)

    def _thin(self) -> None:
        """Drop a sixteenth at once, lowest and longest at rest first, so that a full ladder stays cheap."""
        ordered = sorted(self._rungs, key=lambda name: (self._rungs[name].level, self._rungs[name].last))
        for subject in ordered[: max(1, len(ordered) // 16)]:
            self._forget(subject)
            self.dropped += 1

    def _release(self, decision: Decision, rung: Rung | None) -> None:
        """Let a subject go on: by an operator with its evidence so far forgiven, else as if it had never been seen."""
        if rung is None:
            return
        if decision.origin is not Origin.operator:
            if rung.level > Level.observe:  # else it began anew already, and this ends what was before
                self._forget(decision.subject)
            return
        self._forgive(rung)
        rung.level = Level.observe

    @staticmethod
    def _forgive(rung: Rung) -> None:
        """Let only that count which grows beyond the evidence so far."""
        rung.base += rung.peak
        rung.peak, rung.told, rung.calm = 0.0, 0.0, 0


def _reached(verdict: Verdict, effective: float, options: LadderOptions, allowed: Collection[Level]) -> Level:
    """Tell which level evidence of this strength reaches: by its share of the way from warning to kill.

    An agent that waits in a pause adds no evidence, so what may yet justify a kill does not pause on its way there.
    """
    lead = verdict.lead
    if effective < 1.0:
        return Level.observe
    if effective >= lead.kill_at:
        return lead.ceiling
    share = (effective - 1.0) / (lead.kill_at - 1.0)
    on_its_way = lead.ceiling is Level.kill and Level.kill in allowed and not options.pause_before_kill
    if share >= options.pause_at and not on_its_way:
        return min(Level.pause, lead.ceiling)
    return min(Level.throttle if share >= options.throttle_at else Level.warn, lead.ceiling)


def _cap(level: Level, allowed: Collection[Level]) -> Level:
    if level in allowed:
        return level
    return max((one for one in allowed if one <= level), default=Level.observe)

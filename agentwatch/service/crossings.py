"""Level by event: when each detector's evidence crossed which threshold, and what was decided and held back then."""

from collections.abc import Iterable, Mapping, Sequence

from agentwatch.policy.ladder import LadderOptions
from agentwatch.records import Decision, Level
from agentwatch.service.memory import Mark
from agentwatch.views import CrossingView

__all__ = ["crossings"]

_LEVELS = (Level.warn, Level.throttle, Level.pause, Level.kill)


def crossings(
    marks: Mapping[str, Sequence[Mark]], ladder: LadderOptions, allowed: Sequence[Level], decisions: Iterable[Decision]
) -> tuple[CrossingView, ...]:
    """List for each detector the levels with what each takes, and the first event that had it, the furthest first.

    A level that the evidence may not justify, or that the rule does not allow, is listed too, with the reason.
    """
    listed = list(decisions)
    found: list[tuple[float, str, list[CrossingView]]] = []
    for kind, own in marks.items():
        if own:
            last = own[-1]
            views = [_crossing(kind, own, level, ladder, allowed, listed) for level in _LEVELS]
            found.append((-last.strength / last.kill_at, kind, views))
    return tuple(view for _, _, views in sorted(found, key=lambda one: one[:2]) for view in views)


def needs(level: Level, kill_at: float, ladder: LadderOptions) -> float:
    """Tell the strength that a level takes, in units of the warning."""
    way = max(0.0, kill_at - 1.0)
    shares = {Level.warn: 0.0, Level.throttle: ladder.throttle_at, Level.pause: ladder.pause_at, Level.kill: 1.0}
    return 1.0 + shares[level] * way


def _crossing(
    kind: str,
    marks: Sequence[Mark],
    level: Level,
    ladder: LadderOptions,
    allowed: Sequence[Level],
    decisions: Sequence[Decision],
) -> CrossingView:
    last = marks[-1]
    first = next((mark for mark in marks if mark.strength >= needs(level, mark.kill_at, ladder)), None)
    view = CrossingView(
        kind=kind,
        subject=last.subject,
        level=level,
        needs=needs(level, last.kill_at, ladder),
        reached=last.strength if first is None else first.strength,
        bound=_bound(level, (first or last).ceiling, allowed, ladder),
    )
    if first is None:
        return view
    decided = next((d for d in decisions if d.subject == first.subject and d.index == first.index), None)
    return CrossingView(
        kind=view.kind,
        subject=first.subject,
        level=level,
        needs=view.needs,
        reached=first.strength,
        bound=view.bound,
        index=first.index,
        at=first.ts,
        event_id=first.event_id,
        count=first.count,
        decision=decided.id if decided is not None else "",
        decided=decided.level if decided is not None else None,
        gate=decided.gate if decided is not None else "",
        gate_reason=decided.gate_reason if decided is not None else "",
    )


def _bound(level: Level, ceiling: Level, allowed: Sequence[Level], ladder: LadderOptions) -> str:
    """Say what keeps a level from being reached however strong the evidence, "" for nothing."""
    if level > ceiling:
        return f"this evidence justifies {ceiling.name} at most"
    if level not in allowed:
        return "the rule does not allow it"
    if level is Level.pause and ceiling is Level.kill and Level.kill in allowed and not ladder.pause_before_kill:
        return "what may yet justify a kill does not pause"
    return ""

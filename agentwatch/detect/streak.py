"""How a repetition is counted from its first event on, and what it rests on once somebody asks."""

from functools import lru_cache

from agentwatch.detect.history import IDS, Streak
from agentwatch.detect.state import Scope
from agentwatch.records import Evidence, Observation

__all__ = ["begin", "evidence_of", "extend", "grow"]


def begin(seen: Observation, scope: Scope, digests: tuple[int, ...]) -> Streak:
    """Start counting a repetition at this event."""
    run, event = scope.run, seen.event
    return Streak(
        index=seen.index,
        event_id=seen.event.id,
        since=seen.now,
        tokens=run.tokens - (event.input_tokens or 0) - (event.output_tokens or 0),
        cost_nusd=run.cost_nusd - (seen.cost_nusd or 0),
        unpriced=run.unpriced,
        last=seen.now,
        last_index=seen.index,
        ids=[seen.event.id],
        digests=list(digests),
        tool=seen.event.tool,
    )


def extend(streak: Streak, seen: Observation, digests: tuple[int, ...]) -> None:
    """Count one more repetition, keeping the latest few events and digests."""
    streak.count += 1
    streak.last, streak.last_index = seen.now, seen.index
    if len(streak.ids) >= IDS:
        del streak.ids[0]
    streak.ids.append(seen.event.id)
    for digest in digests:
        if digest not in streak.digests and len(streak.digests) < IDS:
            streak.digests.append(digest)
    streak.tool = seen.event.tool or streak.tool


def grow(streak: Streak | None, seen: Observation, scope: Scope, digests: tuple[int, ...]) -> Streak:
    """Extend a repetition, or begin it."""
    if streak is None:
        return begin(seen, scope, digests)
    extend(streak, seen, digests)
    return streak


def evidence_of(
    streak: Streak | None, seen: Observation, scope: Scope, digests: tuple[int, ...], period: int = 1
) -> Evidence:
    """Say what a repetition that reaches this event rests on, and what the run used since it began."""
    kept = streak if streak is not None else begin(seen, scope, digests)
    ids = kept.ids if streak is None else [*kept.ids, seen.event.id][-IDS:]
    run = scope.run
    return Evidence(
        count=kept.count + (streak is not None),
        period=period,
        onset_index=kept.index,
        onset_id=kept.event_id,
        since=kept.since,
        last=seen.now,
        event_ids=tuple(ids),
        digests=_written((*kept.digests, *digests)),
        tool=seen.event.tool or kept.tool,
        model=seen.event.model or run.model,
        tokens=max(0, run.tokens - kept.tokens),
        cost_nusd=max(0, run.cost_nusd - kept.cost_nusd),
        unpriced=max(0, run.unpriced - kept.unpriced),
    )


@lru_cache(maxsize=1024)
def _written(digests: tuple[int, ...]) -> tuple[str, ...]:
    """Write the first few distinct digests; those of a loop are the same at each of its events."""
    return tuple([f"{digest:016x}" for digest in dict.fromkeys(digests) if digest][:IDS])

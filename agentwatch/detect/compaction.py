"""A context that is compacted again and again, with little work between, or to no effect."""

from typing import Annotated

from msgspec import Meta, Struct

from agentwatch.counting import counted
from agentwatch.detect.grade import grade
from agentwatch.detect.shrinking import Shrinking
from agentwatch.detect.state import Scope
from agentwatch.detect.streak import evidence_of, grow
from agentwatch.records import Observation, Signal
from agentwatch.subject import run_subject

__all__ = ["Compaction", "CompactionOptions"]

CAP = 30.0
WORK = 3  # calls that bring something since the last compaction: fewer are little work
ENOUGH = 8  # and this many are work, whatever the compaction achieved
SHRUNK = 0.8  # a context that is still this large, compared with before, has not shrunk
WORKED = 2.0  # what a stretch of work takes off
REST_S = 6 * 3600.0  # after this long, half of it is past

Many = Annotated[float, Meta(gt=0, le=1000)]


class CompactionOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Compactions with little or no work between, or to no effect."""

    enabled: bool = True
    warn: Many = 3.0
    kill: Many = 5.0


class Added(Struct, gc=False):
    """What one compaction adds: `stale` in all and `hard` of it; or that work was done before it."""

    stale: float = 0.0
    hard: float = 0.0
    worked: bool = False
    words: str = ""


class Compaction:
    """Warns of compactions in a row; those with no work at all between, or to no effect, can kill."""

    kind = "compaction"
    ops = ("compact",)

    def __init__(self, options: CompactionOptions) -> None:
        self.options = options

    def read(self, seen: Observation, state: Scope) -> Signal | None:
        """Judge a compaction by what was done since the one before."""
        before = state.run.rare.shrinking
        if before is None or seen.event.op != "compact":
            return None
        added = _weigh(before)
        if added.worked:
            return None
        faded = _fading(seen, before)
        total, hard = before.stale * faded + added.stale, before.hard * faded + added.hard
        if total < self.options.warn:
            return None
        graded = grade(hard, total, self.options.warn, self.options.kill)
        found = evidence_of(before.streak, seen, state, ())
        return Signal(
            kind=self.kind,
            subject=run_subject(state.run.tenant, state.run.app, state.run.run),
            strength=graded.strength,
            kill_at=graded.kill_at,
            ceiling=graded.ceiling,
            confidence=graded.confidence,
            reason=f"{counted(found.count, 'compaction')}, {added.words}",
            speaks_for=(added.words,),
            speaks_against=(f"{counted(before.work, 'call')} brought something since the last one",)
            if before.work
            else (),
            evidence=found,
        )

    def learn(self, seen: Observation, state: Scope) -> None:
        """Count compactions, and what is done between them."""
        run = state.run
        before = run.rare.shrinking
        if seen.event.op == "compact":
            self._compacted(seen, state, before)
        elif before is not None:
            _went_on(seen, state, before)

    def _compacted(self, seen: Observation, state: Scope, before: Shrinking | None) -> None:
        if before is None:
            before = state.run.noted().shrinking = Shrinking(stale=1.0)
            before.streak = grow(None, seen, state, ())
        else:
            added = _weigh(before)
            faded = _fading(seen, before)
            before.stale = min(CAP, before.stale * faded + added.stale)
            before.hard = min(CAP, before.hard * faded + added.hard)
            if added.worked:
                before.stale = max(1.0, before.stale - WORKED)
                before.hard = max(0.0, before.hard - WORKED)
            before.streak = grow(None if before.stale <= 1.0 else before.streak, seen, state, ())
        before.at, before.work = seen.now, 0
        before.full = seen.event.input_tokens or before.held
        before.futile = False


def _weigh(before: Shrinking) -> Added:
    if before.work >= ENOUGH:
        return Added(worked=True)
    if before.futile:
        return Added(1.0, 1.0, words="the last one did not shrink the context")
    if before.work >= WORK:
        return Added(worked=True)
    if before.work:
        return Added(1.0, 0.5, words="little work between")
    return Added(1.0, 1.0, words="no work between")


def _fading(seen: Observation, before: Shrinking) -> float:
    return 0.5 if seen.now - before.at >= REST_S else 1.0


def _went_on(seen: Observation, state: Scope, before: Shrinking) -> None:
    event = seen.event
    if event.op == "execute_tool":
        reading = state.reading
        before.work += bool(reading.call and not reading.kind and not reading.parallel)
    elif event.trigger == "human":
        before.work += WORK
    if event.input_tokens:
        before.held = event.input_tokens
        if before.full:
            before.futile, before.full = event.input_tokens >= SHRUNK * before.full, 0

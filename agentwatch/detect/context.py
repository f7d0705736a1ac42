"""A context that grows with nothing new in it: other pieces of the same, read again and again.

Each answer differs from all before, so no digest tells; what it is made of was all met before (`familiar`).
"""

from typing import Annotated

from msgspec import Meta, Struct

from agentwatch.detect.familiar import ANSWER, unmet
from agentwatch.detect.grade import grade
from agentwatch.detect.growth import Growth
from agentwatch.detect.near import nears, of_tool
from agentwatch.detect.reading import Reading, tool_code
from agentwatch.detect.state import Scope
from agentwatch.detect.streak import evidence_of, grow
from agentwatch.fingerprint import nearest
from agentwatch.records import Fingerprint, Observation, ResultClass, Signal
from agentwatch.subject import run_subject

__all__ = ["Context", "ContextOptions"]

CAP = 60.0
MANY_WORDS = 20  # a shorter answer has too few shingles to be taken apart
AKIN = 0.3  # how alike answers must be, twice in a row, for the run to be looked at: a third of a file and the file
FEWEST = 4  # calls of a run before it is looked at
NEARLY_SAME = 0.7  # more alike is a page on which something changes: that is told otherwise, or is progress
HARDLY = 16  # bins of 64 that may be unmet in an answer that brings nothing: pieces of one text leave 5 to 15
LEAK = 2.0  # what an answer that does bring something takes off
UNKNOWN = 2.0 / 3.0  # factor where the log does not tell how large the context is

Many = Annotated[float, Meta(gt=0, le=1000)]


class ContextOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answers made of what was met before, in a context that has grown by the share `growth` since they began."""

    enabled: bool = True
    warn: Many = 8.0
    kill: Many = 24.0
    growth: Annotated[float, Meta(ge=0, le=100)] = 0.1


class Context:
    """Warns of answers that only repeat pieces of earlier ones; it pauses at most, since each of them differs."""

    kind = "context"
    ops = ("execute_tool",)

    def __init__(self, options: ContextOptions) -> None:
        self.options = options

    def read(self, seen: Observation, state: Scope) -> Signal | None:
        """Judge an answer by what the run had met before."""
        growth = state.run.growth
        if growth is None or growth.stale + 1.0 < self.options.warn:
            return None
        if not _is_stale(seen, state, growth, state.reading):
            return None
        total = growth.stale + 1.0
        against: tuple[str, ...] = ()
        if not growth.held:
            total *= UNKNOWN
            against = ("the log does not tell how large the context is",)
        elif growth.held < growth.base * (1.0 + self.options.growth):
            return None
        if total < self.options.warn:
            return None
        graded = grade(0.0, total, self.options.warn, self.options.kill)
        found = evidence_of(growth.streak, seen, state, ())
        grown = f"the context grew from {growth.base:,} to {growth.held:,} tokens"
        return Signal(
            kind=self.kind,
            subject=run_subject(state.run.tenant, state.run.app, state.run.run),
            strength=graded.strength,
            kill_at=graded.kill_at,
            ceiling=graded.ceiling,
            confidence=graded.confidence,
            reason=f"{found.count} answers held nothing that was not in earlier ones",
            speaks_for=("each answer is made of pieces of earlier ones", *((grown,) if growth.held else ())),
            speaks_against=against,
            evidence=found,
        )

    def learn(self, seen: Observation, state: Scope) -> None:
        """Take in an answer, and how large the context is."""
        reading = state.reading
        growth, event = state.run.growth, seen.event
        if event.op == "execute_tool":
            result = _content(seen)
            if result is not None and not reading.failed:
                _take(seen, state, reading, result)
        elif growth is not None:
            if event.input_tokens:
                growth.held = event.input_tokens
                growth.base = growth.base if growth.stale and growth.base else growth.held
            if event.trigger == "human" or event.op == "compact":
                growth.stale, growth.base, growth.streak = 0.0, 0, None


def _content(seen: Observation) -> Fingerprint | None:
    """Give an answer that is long enough to be taken apart, and whose sketch is known."""
    result = seen.prints.result
    if result is None or result.klass is not ResultClass.content or result.words < MANY_WORDS:
        return None
    return result if result.sketch else None


def _likeness(result: Fingerprint, state: Scope, reading: Reading) -> float:
    """Tell how alike an answer is to those of the latest other calls."""
    return nearest(result.sketch, (near.answer for near in nears(state.history.near) if near.call != reading.call))


def _is_stale(seen: Observation, state: Scope, growth: Growth, reading: Reading) -> bool:
    result = _content(seen)
    if result is None or reading.failed or unmet(growth.met, result.sketch, ANSWER) > HARDLY:
        return False
    return _likeness(result, state, reading) < NEARLY_SAME


def _begin(seen: Observation, state: Scope, result: Fingerprint) -> Growth | None:
    """Look at a run from where its answers are partly what earlier ones of the tool were; most cost little here."""
    run, history = state.run, state.history
    if history.window < FEWEST:
        return None
    others = [near.answer for near in of_tool(tool_code(seen.event.tool), history.near, latest=False)]
    if not others:
        return None
    run.akin = run.akin + 1 if nearest(result.sketch, others) >= AKIN else 0
    if run.akin < 2:
        return None
    growth = run.growth = Growth()
    for near in nears(history.near):
        growth.met.meet(near.answer, ANSWER)
    return growth


def _take(seen: Observation, state: Scope, reading: Reading, result: Fingerprint) -> None:
    growth = state.run.growth
    if growth is None:
        growth = _begin(seen, state, result)
        if growth is None:
            return
    likeness = _likeness(result, state, reading)
    if likeness < NEARLY_SAME:
        if unmet(growth.met, result.sketch, ANSWER) <= HARDLY:
            growth.stale = min(CAP, growth.stale + 1.0)
            growth.streak = grow(growth.streak, seen, state, (reading.call, reading.result))
        else:
            growth.stale = max(0.0, growth.stale - LEAK)
            if not growth.stale:
                growth.streak, growth.base = None, growth.held
    growth.met.meet(result.sketch, ANSWER)

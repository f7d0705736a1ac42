"""A context that grows with nothing new in it: other pieces of the same, read again and again.

Each answer differs from all before, so no digest tells; what it is made of was all met before (`made_of`).
"""

from typing import Annotated

from msgspec import Meta, Struct

from agentwatch.detect.grade import grade
from agentwatch.detect.made_of import brings_nothing, take
from agentwatch.detect.state import Scope
from agentwatch.detect.streak import evidence_of
from agentwatch.records import Observation, Signal
from agentwatch.subject import run_subject

__all__ = ["Context", "ContextOptions"]

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
        if not brings_nothing(seen, state, growth, learnt=False):
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
        growth, event = state.run.growth, seen.event
        if event.op == "execute_tool":
            take(seen, state)
        elif growth is not None:
            if event.input_tokens:
                growth.held = event.input_tokens
                growth.base = growth.base if growth.stale and growth.base else growth.held
            if event.trigger == "human" or event.op == "compact":
                growth.stale, growth.base, growth.streak = 0.0, 0, None

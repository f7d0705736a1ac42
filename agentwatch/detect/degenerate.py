"""One answer that repeats a block of itself: the model has lost its thread and chants until it is cut off.

Only text can tell, so a producer that sends digests counts the blocks itself.
"""

from typing import Annotated

from msgspec import Meta, Struct

from agentwatch.detect.state import Scope
from agentwatch.fingerprint.chant import count_chant
from agentwatch.fingerprint.compiled import compiled_form, native
from agentwatch.records import ChantPrint, Event, Evidence, Level, Observation, Signal
from agentwatch.subject import run_subject

__all__ = ["Degenerate", "DegenerateOptions"]

MOST_OF = 0.5  # a chant that is less than this of the answer warns at most: the model found its way out

Blocks = Annotated[float, Meta(ge=2, le=10_000)]


class DegenerateOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often a block must follow itself in one answer."""

    enabled: bool = True
    warn: Blocks = 4.0
    kill: Blocks = 20.0


class Degenerate:
    """Warns of an answer that chants; one that is chant for the most part may be killed for."""

    kind = "degenerate"
    learns_from = ()

    def __init__(self, options: DegenerateOptions) -> None:
        self.options = options

    def read(self, seen: Observation, state: Scope) -> Signal | None:
        """Look for a block that repeats in what the agent said."""
        chant = _chant(seen.event)
        if chant is None or chant.blocks < self.options.warn:
            return None
        return self._signal(seen, state, chant)

    def learn(self, seen: Observation, state: Scope) -> None:
        """Remember nothing: one answer says it all."""

    def _signal(self, seen: Observation, state: Scope, chant: ChantPrint) -> Signal:
        event, run = seen.event, state.run
        share = min(1.0, chant.covered / max(1, chant.of))
        evidence = Evidence(
            count=chant.blocks,
            period=1,
            onset_index=seen.index,
            onset_id=event.id,
            since=seen.now,
            last=seen.now,
            event_ids=(event.id,),
            model=event.model or run.model,
            tokens=event.output_tokens or 0,
            cost_nusd=seen.cost_nusd or 0,
        )
        return Signal(
            kind=self.kind,
            subject=run_subject(run.tenant, run.app, run.run),
            strength=chant.blocks / self.options.warn,
            kill_at=max(1.01, self.options.kill / self.options.warn),
            ceiling=Level.kill if share >= MOST_OF else Level.warn,
            confidence=0.9 if share >= MOST_OF else 0.6,
            reason=f"{event.agent} repeats one block {chant.blocks} times in one answer",
            speaks_for=(f"{share:.0%} of what was looked at of the answer is the same {chant.length} characters",),
            speaks_against=() if share >= MOST_OF else ("most of the answer is something else",),
            evidence=evidence,
        )


def _chant(event: Event) -> ChantPrint | None:
    """Count the blocks in what was said, or take the producer's word for it."""
    text = event.output
    if text is None:
        return event.fp.output.chant if event.fp is not None and event.fp.output is not None else None
    if compiled_form() and not native.has_echo(text):
        return None
    return count_chant(text)

"""One answer that repeats a block of itself: the model has lost its thread and chants until it is cut off.

Only text can tell; where a producer sends digests there is nothing to see.
"""

from typing import Annotated

from msgspec import Meta, Struct

from agentwatch.detect.chant import Chant, find_chant
from agentwatch.detect.state import Scope
from agentwatch.records import Evidence, Level, Observation, Signal
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
        text = seen.event.output
        if text is None:
            return None
        chant = find_chant(text)
        if chant is None or chant.blocks < self.options.warn:
            return None
        return self._signal(seen, state, chant)

    def learn(self, seen: Observation, state: Scope) -> None:
        """Remember nothing: one answer says it all."""

    def _signal(self, seen: Observation, state: Scope, chant: Chant) -> Signal:
        event, run = seen.event, state.run
        share = chant.covered / chant.of
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
            speaks_for=(f"{share:.0%} of what was looked at of the answer is the same {len(chant.block)} characters",),
            speaks_against=() if share >= MOST_OF else ("most of the answer is something else",),
            evidence=evidence,
        )

"""The agent says the same again and again and does nothing: near-equal outputs with no new work between."""

from typing import Annotated

from msgspec import Meta, Struct

from agentwatch.detect.grade import grade
from agentwatch.detect.said import output_of
from agentwatch.detect.state import Scope
from agentwatch.detect.streak import evidence_of
from agentwatch.records import Level, Observation, Signal
from agentwatch.subject import run_subject

__all__ = ["Monologue", "MonologueOptions"]

Weight = Annotated[float, Meta(gt=0, le=1000)]


class MonologueOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Weights of repeated outputs: equal and alike ones together to warn, equal ones alone to kill."""

    enabled: bool = True
    warn: Weight = 3.0
    kill: Weight = 8.0


class Monologue:
    """Warns of outputs that repeat earlier ones of the same speaker; only equal ones can kill."""

    kind = "monologue"
    ops = ("chat", "message")
    learns_from = ()
    of_evidence = True

    def __init__(self, options: MonologueOptions) -> None:
        self.options = options

    def read(self, seen: Observation, state: Scope) -> Signal | None:
        """Judge the event by what was learnt before it."""
        said = state.reading.said
        spoken = state.history.spoken
        output = output_of(seen)
        if said is None or spoken is None or output is None or not (said.weight or said.link):
            return None
        total = spoken.stale + said.weight if said.weight else 0.0
        chained = total < self.options.warn
        if chained:
            total = spoken.chain + said.link if said.link else 0.0
        if total < self.options.warn:
            return None
        hard = spoken.hard + said.hard
        graded = grade(hard, total, self.options.warn, self.options.kill)
        found = evidence_of(spoken.streak, seen, state, (output.masked,))
        how = "equal to" if said.equal else "much like"
        return Signal(
            kind=self.kind,
            subject=run_subject(state.run.tenant, state.run.app, state.run.run),
            strength=graded.strength,
            kill_at=graded.kill_at,
            ceiling=Level.warn if chained else graded.ceiling,
            confidence=graded.confidence,
            reason=f"{seen.event.agent} says the same again, {found.count} times, with no new work between",
            speaks_for=(f"the output is {how} an earlier one of the same agent", "its input brought nothing new"),
            speaks_against=("the outputs are more than a minute apart",) if said.slow else (),
            evidence=found,
        )

    def learn(self, seen: Observation, state: Scope) -> None:
        """Remember nothing: the history is kept by `evidence`, for all detectors."""

"""The same request in ever other words, with answers that bring nothing new."""

from typing import Annotated

from msgspec import Meta, Struct

from agentwatch.detect import evidence
from agentwatch.detect.grade import grade
from agentwatch.detect.history import Phrased
from agentwatch.detect.phrase import Phrase
from agentwatch.detect.state import Scope
from agentwatch.detect.streak import evidence_of
from agentwatch.records import Level, Observation, Signal
from agentwatch.subject import run_subject

__all__ = ["Paraphrase", "ParaphraseOptions"]

UNLEARNT_CONFIDENCE = 0.5

Weight = Annotated[float, Meta(gt=0, le=1000)]


class ParaphraseOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Weights of stale calls and prompts, hard and soft together to warn, hard alone to kill."""

    enabled: bool = True
    warn: Weight = 3.0
    kill: Weight = 9.0


class Paraphrase:
    """Warns of rewordings, which are never exact repetitions: so they pause at most."""

    kind = "paraphrase"
    ops = ("execute_tool", "chat", "message")
    learns_from = ()
    of_evidence = True

    def __init__(self, options: ParaphraseOptions) -> None:
        self.options = options

    def read(self, seen: Observation, state: Scope) -> Signal | None:
        """Judge the event by what was learnt before it."""
        phrase = state.reading.phrase
        if phrase is None:
            return evidence.signal(self.kind, seen, state, self.options.warn, self.options.kill)
        spoken = state.history.spoken
        before = spoken.phrased if spoken is not None else None
        if not phrase.weight or before is None or before.stale + phrase.weight < self.options.warn:
            return None
        return self._signal(seen, state, phrase, before)

    def learn(self, seen: Observation, state: Scope) -> None:
        """Remember nothing: the history is kept by `evidence`, for all detectors."""

    def _signal(self, seen: Observation, state: Scope, phrase: Phrase, before: Phrased) -> Signal:
        total = before.stale + phrase.weight
        graded = grade(0.0, total, self.options.warn, self.options.kill)
        learnt = (before.known + phrase.weight * phrase.mature) * 2 >= total
        told = seen.prints.input
        found = evidence_of(before.streak, seen, state, (told.masked,) if told is not None else ())
        return Signal(
            kind=self.kind,
            subject=run_subject(state.run.tenant, state.run.app, state.run.run),
            strength=graded.strength,
            kill_at=graded.kill_at,
            ceiling=graded.ceiling if learnt else Level.warn,
            confidence=graded.confidence if learnt else UNLEARNT_CONFIDENCE,
            reason=f"{seen.event.agent} is asked the same in other words, {found.count} times, and says nothing new",
            speaks_for=("the prompts are alike beyond their template", "the answers are much like the last"),
            speaks_against=() if learnt else ("the template of these prompts is not learnt yet",),
            evidence=found,
        )

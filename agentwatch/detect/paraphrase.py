"""The same request in ever other words, with answers that bring nothing new."""

from typing import Annotated

from msgspec import Meta, Struct

from agentwatch.detect import evidence
from agentwatch.detect.state import Scope
from agentwatch.records import Observation, Signal

__all__ = ["Paraphrase", "ParaphraseOptions"]

Weight = Annotated[float, Meta(gt=0, le=1000)]


class ParaphraseOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Weights of stale calls and prompts, hard and soft together to warn, hard alone to kill."""

    enabled: bool = True
    warn: Weight = 3.0
    kill: Weight = 9.0


class Paraphrase:
    """Warns of rewordings, which are never exact repetitions: so they pause at most."""

    kind = "paraphrase"
    learn = staticmethod(evidence.learn)

    def __init__(self, options: ParaphraseOptions) -> None:
        self.options = options

    def read(self, seen: Observation, state: Scope) -> Signal | None:
        """Judge the event by what was learnt before it."""
        return evidence.signal(self.kind, seen, state, self.options.warn, self.options.kill)

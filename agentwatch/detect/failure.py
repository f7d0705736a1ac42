"""The same target fails again and again, whatever the wording."""

from typing import Annotated

from msgspec import Meta, Struct

from agentwatch.detect import evidence
from agentwatch.detect.state import Scope
from agentwatch.records import Observation, Signal

__all__ = ["Failure", "FailureOptions"]

Weight = Annotated[float, Meta(gt=0, le=1000)]


class FailureOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Weights of stale calls, hard and soft together to warn, hard alone to kill (docs/detectors.md)."""

    enabled: bool = True
    warn: Weight = 3.0
    kill: Weight = 9.0


class Failure:
    """Warns of equal or like calls that fail with much the same error; a success takes the evidence away."""

    kind = "failure"
    ops = ("execute_tool",)
    learns_from = ()
    of_evidence = True

    def __init__(self, options: FailureOptions) -> None:
        self.options = options

    def read(self, seen: Observation, state: Scope) -> Signal | None:
        """Judge the event by what was learnt before it."""
        return evidence.signal(self.kind, seen, state, self.options.warn, self.options.kill)

    def learn(self, seen: Observation, state: Scope) -> None:
        """Remember nothing: the history is kept by `evidence`, for all detectors."""

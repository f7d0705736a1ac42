"""Budgets: turns, time, tokens and dollars of a run, a tree, an agent's day and an app's day."""

from msgspec import Struct

from agentwatch.detect.state import Scope
from agentwatch.records import Observation, Signal

__all__ = ["Ceiling", "CeilingOptions"]


class CeilingOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits; None is no limit."""

    enabled: bool = True


class Ceiling:
    """Warns before a budget is used up and pauses when it is."""

    kind = "ceiling"

    def __init__(self, options: CeilingOptions) -> None:
        self.options = options

    def read(self, seen: Observation, state: Scope) -> Signal | None:
        """Judge the event by what was learnt before it."""
        return None

    def learn(self, seen: Observation, state: Scope) -> None:
        """Take the event into the state."""

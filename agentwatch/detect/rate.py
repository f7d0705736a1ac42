"""An agent that has become much faster, or dearer, than its own past."""

from msgspec import Struct

from agentwatch.detect.state import Scope
from agentwatch.records import Observation, Signal

__all__ = ["Rate", "RateOptions"]


class RateOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a change of rate is worth a warning."""

    enabled: bool = True


class Rate:
    """Warns of a lasting rise of an agent's calls, tokens or dollars a minute."""

    kind = "rate"

    def __init__(self, options: RateOptions) -> None:
        self.options = options

    def read(self, seen: Observation, state: Scope) -> Signal | None:
        """Judge the event by what was learnt before it."""
        return None

    def learn(self, seen: Observation, state: Scope) -> None:
        """Take the event into the state."""

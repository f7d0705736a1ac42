"""What carries a decision out, and what it is held against before."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from agentwatch.records import Command, Incident

__all__ = ["Enforcer", "Notifier", "Permitting", "SignalBus"]


class SignalBus(Protocol):
    """A way for commands to reach agents."""

    name: str

    async def send(self, command: Command) -> None:
        """Deliver, confirmed by the transport."""

    async def clear(self, subject: str, epoch: int) -> None:
        """Take back what stands for a subject."""


class Notifier(Protocol):
    """A receiver of incidents."""

    name: str

    async def notify(self, incident: Incident) -> None:
        """Deliver one state of an incident; the receiver de-duplicates by incident id and seq."""


class Permitting(Protocol):
    """Where kills are reserved whose limit several partitions share."""

    async def publish(self, populations: Mapping[str, int]) -> None:
        """Tell how many runs are active in this partition, by scope."""

    async def reserve(self, subject: str, scopes: Sequence[str]) -> str:
        """Reserve one kill in every scope or in none; says why there is none left, empty where it was reserved."""


class Enforcer(Protocol):
    """Anything outside the agent that can make a command effective."""

    name: str

    async def enforce(self, command: Command, handles: dict[str, str]) -> bool:
        """Carry the command out; False where the handles are not of this enforcer's kind."""

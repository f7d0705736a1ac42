"""What a signal path is to a guard, and what a guard is to a signal path."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from agentwatch.client.obedience import Held
from agentwatch.records import Ack, Command

__all__ = ["Channel", "Listener", "SharedLimit"]


class Listener(Protocol):
    """Where channels report to; every call is made from the guard's loop."""

    def settled(self, found: Mapping[str, Held], asked_at: float) -> None:
        """Take the authority's whole word on this run."""

    def unsettled(self) -> None:
        """Note that the authority cannot be read."""

    def heard(self, command: Command, lease_s: float) -> None:
        """Take one pushed command whose lease has `lease_s` left."""

    def forgotten(self, subjects: Sequence[str]) -> None:
        """Note that nothing is retained for these subjects."""

    def complete(self, subjects: Sequence[str]) -> None:
        """Note that a broker has told all that it retains: these subjects and no others."""

    def up(self, channel: str) -> None:
        """Note that a channel works."""

    def down(self, channel: str, reason: str) -> None:
        """Note that a channel does not work; it goes on trying."""


class Channel(Protocol):
    """One way for commands to reach a guard."""

    name: str

    async def run(self) -> None:
        """Listen until cancelled, reconnecting for ever."""

    async def refresh(self) -> None:
        """Ask for the newest word at once, where the channel can. Raises `SignalUnavailable`."""

    async def acknowledge(self, acks: Sequence[Ack]) -> None:
        """Deliver acknowledgements, confirmed by the transport. Raises `SignalUnavailable`."""

    async def close(self) -> None:
        """Let the connections go, after `run` has ended."""


@runtime_checkable
class SharedLimit(Protocol):
    """Where the processes of a throttled subject share its limit."""

    async def take(self, intervals: Mapping[str, float]) -> float:
        """Take one call, `intervals` seconds apart for each subject: 0.0, or the seconds until it is worth asking.

        Raises `SignalUnavailable`.
        """

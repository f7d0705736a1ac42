"""The ways in: a partition's inputs in order, events and acknowledgements over HTTP, what could not be read."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from msgspec import Struct

from agentwatch.records import Ack, Batch, Control, DeadLetter, Entry, Positions

__all__ = ["AckIntake", "AckSource", "ControlIntake", "DeadLetters", "EventSource", "Ingest", "IngestResult"]


class EventSource(Protocol):
    """Where a partition's inputs come from, in order."""

    async def seek(self, positions: Positions) -> None:
        """Continue after these positions, whatever was delivered before."""

    async def read(self, limit: int, block_s: float) -> Batch:
        """Wait up to `block_s` for inputs; an empty batch still carries the tick."""

    async def history(self, after: str, until: str, limit: int) -> Sequence[Entry]:
        """List entries after `after` up to and including `until`, in id order, at most `limit`."""

    async def controls(self, after: str, until: str) -> Sequence[Control]:
        """List the control inputs after `after` up to and including `until`, in order."""


class AckSource(Protocol):
    """Where acknowledgements come from when they do not arrive on the acks stream by themselves."""

    def acks(self) -> AsyncIterator[Ack]:
        """Yield acknowledgements until cancelled."""


class IngestResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one raw event: the stream entry's `id`, or why not (`reason`) and which `field` ("" the whole)."""

    id: str = ""
    reason: str = ""
    field: str = ""


class Ingest(Protocol):
    """The way in for producers without Redis."""

    async def put(self, raw: Sequence[bytes], tenant: str = "", app: str = "") -> Sequence[IngestResult]:
        """Decode each event and append the good ones to their partitions' streams, in order; one result each.

        `raw`: the JSON of one event each, any bytes at all: a bad one is answered by its result, never by an exception,
        and is not written anywhere. `tenant` and `app` are what the sender is bound to ("" = anything): an event that
        names none gets the sender's, one that names another is answered with `field` "tenant" or "app". Raises
        `StoreUnavailable` when not all good ones were certainly written: send the whole again, an `id` counts once.
        """


class AckIntake(Protocol):
    """The way in for acknowledgements over HTTP."""

    async def acknowledge(self, acks: Sequence[Ack]) -> None:
        """Append to the partitions' acks streams, in order."""


class ControlIntake(Protocol):
    """The way in for what operators ask."""

    async def append(self, control: Control) -> None:
        """Append to the controls stream of the partition that the control concerns."""


class DeadLetters(Protocol):
    """The entries that could not be read."""

    async def dead(self, before: str, limit: int) -> Sequence[tuple[str, DeadLetter]]:
        """List dead letters, newest first."""

    async def requeue(self, id: str) -> str:
        """Put the original back on the events stream; returns its new entry id."""

"""What goes into a partition at once, and what one batch changes: positions, commits, checkpoints."""

from typing import Literal

from msgspec import Struct

from agentwatch.records.control import AuditLine, Control
from agentwatch.records.decision import Ack, Command, Decision
from agentwatch.records.incident import Incident
from agentwatch.records.ledger import LedgerRow

__all__ = ["Astray", "Batch", "Checkpoint", "Commit", "DeadLetter", "Entry", "Positions", "Tick"]


class Tick(Struct, frozen=True):
    """The time as the source saw it when it read a batch, with the source's backlog (events not yet read)."""

    at: float
    lag: int = 0
    gap: int = 0


class DeadLetter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry that could not be read: why, which field, and the original, kept so that it can be put back.

    `field` is in dotted form, "data" is the entry as a whole. With encoding base64 the names are base64 too. An
    oversized original is `cut` and cannot be put back.
    """

    id: str
    entry: str
    at: float
    reason: str
    field: str = ""
    original: dict[str, str]
    encoding: Literal["utf-8", "base64"] = "utf-8"
    cut: bool = False


class Positions(Struct, frozen=True, kw_only=True):
    """How far a partition has come: stream positions that were processed, events counted, decisions numbered."""

    events: str = "0-0"
    controls: str = "0-0"
    acks: str = "0-0"
    index: int = 0
    seq: int = 0


class Commit(Struct, frozen=True, kw_only=True):
    """All that one batch changes, written in one atomic step or not at all. `tick`: the batch's own, to be recorded."""

    positions: Positions
    at: float
    tick: Tick | None = None
    entries: tuple[str, ...] = ()  # ids of the events stream to acknowledge
    decisions: tuple[Decision, ...] = ()
    commands: tuple[Command, ...] = ()  # control keys to set, each until its expires_at
    cleared: tuple[str, ...] = ()  # subjects whose control key goes
    incidents: tuple[Incident, ...] = ()
    dead: tuple[DeadLetter, ...] = ()
    ledger: LedgerRow = LedgerRow()
    audit: tuple[AuditLine, ...] = ()
    astray: tuple["Astray", ...] = ()  # to be passed on before this is written; the store does not hold it


class Astray(Struct, frozen=True, kw_only=True):
    """An input that lies in a partition not its own, since the number of partitions changed: it is passed on."""

    stream: Literal["events", "controls", "acks"]
    partition: int
    data: bytes


class Checkpoint(Struct, frozen=True, kw_only=True):
    """A partition's whole state at a commit boundary, in chunks of at most 1 MiB."""

    positions: Positions
    format: int
    policy_digest: str
    at: float
    chunks: tuple[bytes, ...]


class Entry(Struct, frozen=True, gc=False):
    """One raw stream entry: its id, and either the JSON of `data` or the flat fields."""

    id: str
    data: bytes | None
    fields: dict[bytes, bytes] | None = None


class Batch(Struct, frozen=True):
    """What the source supplied at once: entries, control inputs and acks in stream order, and the time of reading."""

    tick: Tick
    entries: tuple[Entry, ...] = ()
    controls: tuple[tuple[str, Control], ...] = ()
    acks: tuple[tuple[str, Ack], ...] = ()

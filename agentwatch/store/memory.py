"""A partition in memory, with the same contract as in Redis: for replays, and for tests that need no server."""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from msgspec import Struct, field
from msgspec.structs import asdict, replace

from agentwatch.clients import Client
from agentwatch.errors import BadRequest, Fenced, Incompatible
from agentwatch.ports import Opened
from agentwatch.records import (
    METRICS,
    Ack,
    Checkpoint,
    Command,
    Commit,
    Control,
    DeadLetter,
    Decision,
    Entry,
    Incident,
    LedgerLine,
    Positions,
)
from agentwatch.store.dead import fields_of

__all__ = ["MemoryClients", "MemoryDeadLetters", "MemoryLog", "MemoryPartition", "MemoryStore", "Stream", "order"]

_POLL_S = 0.01
T = TypeVar("T")


def order(position: str) -> tuple[int, int]:
    """Give a stream position as numbers, in the order in which entries were added."""
    first, _, second = position.partition("-")
    return int(first or 0), int(second or 0)


def _order(row: tuple[str, object]) -> tuple[int, int]:
    return order(row[0])


class Stream(Generic[T]):
    """An append-only list with ids that grow, as a Redis stream is one."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, T]] = []
        self.last = (0, 0)

    def add(self, value: T, major: int) -> str:
        """Append under the id that follows, not before `major`."""
        self.last = (major, 0) if major > self.last[0] else (self.last[0], self.last[1] + 1)
        position = f"{self.last[0]}-{self.last[1]}"
        self.rows.append((position, value))
        return position

    def after(self, position: str, limit: int) -> list[tuple[str, T]]:
        """List what follows a position, oldest first."""
        start = bisect_right(self.rows, order(position), key=_order)
        return self.rows[start : start + limit]

    def before(self, position: str, limit: int) -> list[tuple[str, T]]:
        """List what precedes a position ("" = the end), newest first."""
        end = bisect_left(self.rows, order(position), key=_order) if position else len(self.rows)
        return self.rows[max(0, end - limit) : end][::-1]

    def trim(self, position: str) -> None:
        """Drop what lies before a position."""
        del self.rows[: bisect_left(self.rows, order(position), key=_order)]


class _Totals(Struct):
    sums: dict[tuple[str, ...], dict[str, int]] = field(default_factory=dict)


class MemoryPartition:
    """All that a partition's keys hold. `clock` gives unix seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.events: Stream[Entry] = Stream()
        self.inputs: Stream[Control] = Stream()
        self.acks: Stream[Ack] = Stream()
        self.dead: Stream[DeadLetter] = Stream()
        self.decided: Stream[Decision] = Stream()
        self.told: Stream[Incident] = Stream()
        self.commands: dict[str, Command] = {}
        self.cursors: dict[str, str] = {}
        self.ledger = _Totals()
        self.checkpoint: Checkpoint | None = None
        self.committed = Positions()
        self.last: Commit | None = None
        self.token = 0
        self.owner = 0
        self.owned_until = 0.0
        self.changed = asyncio.Event()

    def add(self, data: bytes | None, fields: dict[bytes, bytes] | None = None) -> str:
        """Append an event's entry; returns its id."""
        position = self.events.add(Entry("", data, fields), int(self.clock() * 1000))
        self.events.rows[-1] = (position, Entry(position, data, fields))
        self.changed.set()
        return position

    async def append(self, control: Control) -> None:
        """Append an operator's wish."""
        self.inputs.add(control, int(self.clock() * 1000))
        self.changed.set()

    async def acknowledge(self, acks: Sequence[Ack]) -> None:
        """Append acknowledgements, in order, and wake whoever reads the partition."""
        for ack in acks:
            self.acks.add(ack, int(self.clock() * 1000))
        self.changed.set()


class MemoryStore:
    """The store of a partition in memory, for one worker at a time."""

    def __init__(self, partition: MemoryPartition, lease_s: float = 10.0) -> None:
        self._partition = partition
        self._lease_s = lease_s
        self._token = 0
        self._last: Commit | None = None
        self._boundaries: set[Positions] = set()

    async def open(self) -> Opened:
        """Take the partition: wait until the lease is free, then draw a higher token."""
        held = self._partition
        while held.owner not in (0, self._token) and held.owned_until > held.clock():  # noqa: ASYNC110  # a clock sets no event
            await asyncio.sleep(_POLL_S)
        held.token += 1
        self._token = held.owner = held.token
        held.owned_until = held.clock() + self._lease_s
        self._last = held.last
        self._boundaries = {held.committed}
        return Opened(token=self._token, committed=held.committed, checkpoint=held.checkpoint)

    async def commit(self, commit: Commit) -> None:
        """Write the whole batch or nothing; writing the same commit again does nothing more."""
        held = self._partition
        self._own()
        if held.last is commit:
            return
        if held.last is not self._last:
            raise Fenced("the store does not hold this worker's last commit")
        if commit.decisions and commit.decisions[0].seq <= held.decided.last[0]:
            raise Incompatible(f"the decision log holds {held.decided.last[0]}")
        for decision in commit.decisions:
            held.decided.add(decision, decision.seq)
        for incident in commit.incidents:
            if held.told.last < (commit.positions.seq, 0):
                held.told.last = (commit.positions.seq, 0)
            held.told.add(incident, 0)
        for letter in commit.dead:
            held.dead.add(letter, int(held.clock() * 1000))
        for line in commit.ledger.lines():
            self._count(line)
        for command in commit.commands:
            held.commands[command.subject] = command
        for subject in commit.cleared:
            held.commands.pop(subject, None)
        held.committed, held.last, self._last = commit.positions, commit, commit
        held.owned_until = held.clock() + self._lease_s
        self._boundaries.add(commit.positions)

    async def checkpoint(self, checkpoint: Checkpoint, chunks: AsyncIterator[bytes] | None = None) -> None:
        """Publish a state at a commit boundary, then trim the streams up to its positions."""
        held = self._partition
        self._own()
        if checkpoint.positions not in self._boundaries:
            raise Incompatible(f"a checkpoint at {checkpoint.positions} is at no commit boundary")
        if chunks is not None:
            checkpoint = replace(checkpoint, chunks=tuple([chunk async for chunk in chunks]))
            self._own()
        held.checkpoint = checkpoint
        self._boundaries = {checkpoint.positions, held.committed}
        held.events.trim(checkpoint.positions.events)
        held.inputs.trim(checkpoint.positions.controls)
        held.acks.trim(checkpoint.positions.acks)

    async def renew(self) -> str:
        """Extend the lease from now on. Raises `Fenced` when another worker has taken the partition."""
        self._own()
        self._partition.owned_until = self._partition.clock() + self._lease_s
        return ""

    async def close(self) -> None:
        """Give the lease back."""
        if self._partition.owner == self._token:
            self._partition.owner = 0

    def _own(self) -> None:
        if self._partition.token != self._token:
            raise Fenced(f"token {self._partition.token} was drawn after {self._token}")

    def _count(self, line: LedgerLine) -> None:
        name = (line.day, line.tenant, line.team, line.app, line.agent, line.model)
        sums = self._partition.ledger.sums.setdefault(name, dict.fromkeys(METRICS, 0))
        values = asdict(line)
        for metric in METRICS:
            sums[metric] += values[metric]


class MemoryLog:
    """Reads the log of a partition in memory."""

    def __init__(self, partition: MemoryPartition) -> None:
        self._partition = partition

    async def decisions(self, after: str, limit: int) -> Sequence[tuple[str, Decision]]:
        """List decisions after a log position, oldest first."""
        return self._partition.decided.after(after, limit)

    async def incidents(self, after: str, limit: int) -> Sequence[tuple[str, Incident]]:
        """List incident states after a log position, oldest first."""
        return self._partition.told.after(after, limit)

    async def cursor(self, sink: str) -> str | None:
        """Tell how far a sink has come; None for a sink never seen."""
        return self._partition.cursors.get(sink)

    async def move(self, sink: str, position: str) -> None:
        """Record that a sink has confirmed everything up to this position."""
        self._partition.cursors[sink] = position

    async def standing(self) -> Sequence[Command]:
        """List the commands that stand now."""
        now = self._partition.clock()
        return [c for c in self._partition.commands.values() if c.expires_at <= 0 or c.expires_at > now]


class MemoryDeadLetters:
    """The dead letters of a partition in memory."""

    def __init__(self, partition: MemoryPartition) -> None:
        self._partition = partition

    async def dead(self, before: str, limit: int) -> Sequence[tuple[str, DeadLetter]]:
        """List dead letters before an id ("" = from the end), newest first."""
        return self._partition.dead.before(before, limit)

    async def requeue(self, id: str) -> str:
        """Put the original back on the events stream, once; returns its new entry id. Raises `BadRequest`."""
        rows = self._partition.dead.rows
        found = next((row for row in rows if row[0] == id), None)
        if found is None:
            raise BadRequest(f"no dead letter {id!r}", "id")
        fields = fields_of(found[1])
        rows.remove(found)
        data = fields.get(b"data")
        return self._partition.add(data, None if data is not None else fields)


class MemoryClients:
    """Callers that were added while running, in memory."""

    def __init__(self) -> None:
        self.clients: dict[str, Client] = {}
        self.times: dict[str, float] = {}

    async def load(self) -> tuple[Sequence[Client], Mapping[str, float]]:
        """List the stored callers, and when each name was last used."""
        return list(self.clients.values()), self.times

    async def add(self, client: Client) -> bool:
        """Store a new caller; False where the name is taken."""
        return self.clients.setdefault(client.name, client) is client

    async def put(self, client: Client) -> None:
        """Store a caller in the place of the one of that name."""
        self.clients[client.name] = client

    async def drop(self, name: str) -> None:
        """Forget a caller and its use."""
        self.clients.pop(name, None)
        self.times.pop(name, None)

    async def used(self, at: Mapping[str, float]) -> None:
        """Record when these names were last used."""
        self.times.update(at)

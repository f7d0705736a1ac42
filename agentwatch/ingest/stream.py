"""A partition's inputs from Redis: events through the consumer group, controls and acks by position.

The position is the truth. The group delivers, shows the lag and makes trimming safe, but whenever its own idea of
what was delivered differs from ours (a worker that was believed dead has read on, or an answer was lost), it is set
back to our position and the entries are delivered again.
"""

from collections.abc import Sequence
from typing import Any

import structlog
from msgspec import Struct
from redis.exceptions import ResponseError

from agentwatch.connection import reading
from agentwatch.errors import Incompatible, StoreUnavailable
from agentwatch.ingest.account import Account, order
from agentwatch.ingest.entries import decoded, entries_of
from agentwatch.keys import GROUP, keys
from agentwatch.records import Ack, Batch, Control, Entry, Positions, Tick
from agentwatch.wishes import Wishes

__all__ = ["RedisSource", "StreamOptions"]

_log = structlog.get_logger()
_ATTEMPTS = 3
_PENDING = 1000  # entries acknowledged at once


class StreamOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is read at once.

    max_batch_bytes: entries are asked for so that a batch of their recent size stays below it. inputs: controls and
    acks a batch. hard_max: entries beyond which the oldest are dropped, read or not, so that the server's memory is
    bounded (0 = never). consumer: the name in the group.
    """

    max_batch_bytes: int = 16 << 20
    inputs: int = 500
    hard_max: int = 0
    consumer: str = "worker"


class RedisSource:
    """Reads one partition. The client's time-out must be longer than any `block_s`. `wishes`: which to believe."""

    def __init__(
        self,
        client: Any,
        partition: int,
        options: StreamOptions = StreamOptions(),  # noqa: B008  # frozen
        wishes: Wishes | None = None,
    ) -> None:
        self._client = client
        self._wishes = wishes
        self._keys = keys(partition)
        self._options = options
        self._delivered = "0-0"
        self._controls = "0-0"
        self._acks = "0-0"
        self._account = Account(None)
        self._room = 1 << 20
        self.redelivered = 0

    async def seek(self, positions: Positions) -> None:
        """Continue after these positions, whatever was delivered before; makes the group where there is none."""
        self._delivered, self._controls, self._acks = positions.events, positions.controls, positions.acks
        with reading("seek"):
            events, entries, lost = await self._client.execute_command(
                "HMGET", self._keys.committed, "events", "entries", "lost"
            )
            known = events is not None and events.decode() == positions.events
            self._account = Account(int(entries) + int(lost or 0) if known else None)
            await self._set_group()
            await self._settle()

    async def read(self, limit: int, block_s: float) -> Batch:
        """Wait up to `block_s` for inputs of any kind; an empty batch still carries the tick."""
        batch = await self._take(limit)
        if batch.entries or batch.controls or batch.acks or batch.tick.gap or block_s <= 0:
            return batch
        with reading("read"):
            woken = await self._client.execute_command(
                "XREAD", "COUNT", 1, "BLOCK", max(1, int(block_s * 1000)), "STREAMS",
                self._keys.events, self._keys.controls, self._keys.acks,
                self._delivered, self._controls, self._acks,
            )  # fmt: skip
            if not woken:
                seconds, micros = await self._client.execute_command("TIME")
                return Batch(Tick(int(seconds) + int(micros) / 1e6, batch.tick.lag))
        return await self._take(limit)

    async def history(self, after: str, until: str, limit: int) -> Sequence[Entry]:
        """List entries after `after` up to and including `until`, in id order, at most `limit`."""
        with reading("history"):
            rows = await self._client.execute_command("XRANGE", self._keys.events, f"({after}", until, "COUNT", limit)
        return entries_of(rows)

    async def controls(self, after: str, until: str) -> Sequence[Control]:
        """List the control inputs after `after` up to and including `until`, in order."""
        if order(after) >= order(until):
            return ()
        with reading("controls"):
            rows = await self._client.execute_command("XRANGE", self._keys.controls, f"({after}", until)
        return tuple(control for _, control in self._controls_of(rows))

    async def _take(self, limit: int) -> Batch:
        for _ in range(_ATTEMPTS):
            with reading("read"):
                answer = await self._ask(max(1, min(limit, self._room)))
                failed = next((part for part in answer if isinstance(part, ResponseError)), None)
                if failed is not None and not str(failed).startswith(("NOGROUP", "no such key", "ERR no such key")):
                    if str(failed).startswith("WRONGTYPE"):
                        raise Incompatible(await self._mistyped(failed)) from failed
                    raise failed
                if failed is None and self._in_step(answer[0]):
                    return await self._batch(answer)
                self.redelivered += 1
                _log.warning("group_set_back", position=self._delivered, reason=str(failed or "out of step"))
                await self._set_group()
                await self._settle()
        raise StoreUnavailable(f"{self._keys.events}: another reader moves the group {GROUP!r}")

    async def _mistyped(self, failed: ResponseError) -> str:
        """Name the stream in whose place something else lies; the server's own words where it is not that."""
        for name in (self._keys.events, self._keys.controls, self._keys.acks):
            kind = (await self._client.execute_command("TYPE", name)).decode()
            if kind not in ("stream", "none"):
                return f"{name} is a {kind}, not a stream"
        return str(failed)

    async def _ask(self, count: int) -> list[Any]:
        """Read everything in one transaction and one round trip: what the group knew, then what is new."""
        names = self._keys
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.execute_command("XINFO GROUPS", names.events)
            pipe.execute_command("TIME")
            pipe.execute_command(
                "XREAD", "COUNT", self._options.inputs, "STREAMS",
                names.controls, names.acks, self._controls, self._acks,
            )  # fmt: skip
            pipe.execute_command("XINFO STREAM", names.events)
            pipe.execute_command(
                "XREADGROUP", "GROUP", GROUP, self._options.consumer, "COUNT", count, "STREAMS", names.events, ">"
            )
            answer: list[Any] = await pipe.execute(raise_on_error=False)
        return answer

    def _in_step(self, groups: list[Any]) -> bool:
        group = _group(groups)
        return group is not None and order(group[b"last-delivered-id"].decode()) == order(self._delivered)

    async def _batch(self, answer: list[Any]) -> Batch:
        groups, time, inputs, stream, events = answer
        gap = self._account.lost(stream, self._delivered)
        rows = events[0][1] if events else ()
        entries = entries_of(rows)
        lag = _group(groups)[b"lag"]  # type: ignore[index]  # _in_step has found it
        if entries:
            self._delivered = entries[-1].id
            self._account.deliver(len(entries))
            self._fit(entries)
        controls: tuple[tuple[str, Control], ...] = ()
        acks: tuple[tuple[str, Ack], ...] = ()
        for name, found in inputs or ():
            if name.decode() == self._keys.controls:
                controls = self._controls_of(found)
                self._controls = found[-1][0].decode()
            else:
                acks = decoded(self._keys.acks, found, Ack)
                self._acks = found[-1][0].decode()
        if gap:
            _log.error("entries_lost", stream=self._keys.events, entries=gap)
            await self._set_group()
        length = int(stream[stream.index(b"length") + 1])
        if 0 < self._options.hard_max < length:
            await self._cap(length)
        left = length if lag is None else int(lag) - gap
        return Batch(Tick(int(time[0]) + int(time[1]) / 1e6, max(0, left - len(entries)), gap), entries, controls, acks)

    def _controls_of(self, rows: Sequence[Any]) -> tuple[tuple[str, Control], ...]:
        believed = rows if self._wishes is None else self._wishes.believed(rows)
        return decoded(self._keys.controls, believed, Control)

    async def _cap(self, length: int) -> None:
        """Drop the oldest entries; those that were not read show as a gap at the next read."""
        _log.error("events_capped", stream=self._keys.events, entries=length, hard_max=self._options.hard_max)
        with reading("cap"):
            await self._client.execute_command("XTRIM", self._keys.events, "MAXLEN", "~", self._options.hard_max)

    def _fit(self, entries: Sequence[Entry]) -> None:
        """Ask for fewer entries where they are large."""
        size = sum([len(entry.data) if entry.data is not None else 256 for entry in entries])
        self._room = max(1, self._options.max_batch_bytes * len(entries) // max(1, size))

    async def _set_group(self) -> None:
        """Put the group at our position, with the count of what was read so that the server can tell the lag."""
        seen = self._account.seen
        counted = () if seen is None else ("ENTRIESREAD", seen)
        try:
            await self._client.execute_command(
                "XGROUP CREATE", self._keys.events, GROUP, self._delivered, "MKSTREAM", *counted
            )
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
            await self._client.execute_command("XGROUP SETID", self._keys.events, GROUP, self._delivered, *counted)

    async def _settle(self) -> None:
        """Acknowledge all that is pending: what is behind our position was read again, what is ahead will be."""
        while True:
            rows = await self._client.execute_command("XPENDING", self._keys.events, GROUP, "-", "+", _PENDING)
            if not rows:
                return
            await self._client.execute_command("XACK", self._keys.events, GROUP, *(row[0] for row in rows))


def _group(groups: list[Any]) -> dict[bytes, Any] | None:
    for flat in groups:
        told = dict(zip(flat[::2], flat[1::2], strict=True))
        if told[b"name"] == GROUP.encode():
            return told
    return None

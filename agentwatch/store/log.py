"""The committed log in Redis, with one cursor a sink, and what stands now."""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
import structlog

from agentwatch.connection import reading
from agentwatch.errors import UNREADABLE
from agentwatch.keys import keys
from agentwatch.records import Command, Decision, Incident
from agentwatch.store.bounds import after_bound
from agentwatch.store.scripts import Script

__all__ = ["RedisLog"]

_log = structlog.get_logger()
_PAGE = 500
T = TypeVar("T")


class RedisLog:
    """Reads one partition's log. Positions are stream ids: decision `seq` lies at `{seq}-0`."""

    def __init__(self, client: Any, partition: int) -> None:
        self._client = client
        self._keys = keys(partition)
        self._move = Script("cursor")

    async def decisions(self, after: str, limit: int) -> Sequence[tuple[str, Decision]]:
        """List decisions after a log position ("" = from the start), oldest first."""
        return await self._page(self._keys.decisions, Decision, after, limit)

    async def incidents(self, after: str, limit: int) -> Sequence[tuple[str, Incident]]:
        """List incident states after a log position ("" = from the start), oldest first."""
        return await self._page(self._keys.incidents, Incident, after, limit)

    async def cursor(self, sink: str) -> str | None:
        """Tell how far a sink has come; None for a sink never seen."""
        with reading("cursor"):
            found = await self._client.execute_command("GET", self._keys.cursor(sink))
        return found.decode() if found is not None else None

    async def move(self, sink: str, position: str) -> None:
        """Record that a sink has confirmed everything up to this position."""
        with reading("move"):
            await self._move.run(self._client, (self._keys.cursor(sink), self._keys.cursors), (position, sink))

    async def standing(self) -> Sequence[Command]:
        """List the commands whose control keys stand now."""
        found: list[Command] = []
        with reading("standing"):
            subjects = [
                raw.decode() for raw in await self._client.execute_command("ZRANGE", self._keys.standing, 0, -1)
            ]
            for start in range(0, len(subjects), _PAGE):
                names = [self._keys.control(subject) for subject in subjects[start : start + _PAGE]]
                values = await self._client.execute_command("MGET", *names)
                found += [command for value in values if value and (command := self._read(value, Command))]
        return found

    async def _page(self, stream: str, kind: type[T], after: str, limit: int) -> list[tuple[str, T]]:
        with reading("log"):
            rows = await self._client.execute_command("XRANGE", stream, after_bound(after), "+", "COUNT", limit)
        found: list[tuple[str, T]] = []
        for position, fields in rows:
            value = self._read(fields[1], kind)
            if value is not None:
                found.append((position.decode(), value))
        return found

    def _read(self, data: bytes, kind: type[T]) -> T | None:
        try:
            return msgspec.json.decode(data, type=kind)
        except UNREADABLE as error:
            _log.error("log_entry_unreadable", kind=kind.__name__, reason=str(error))
            return None

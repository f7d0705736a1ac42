"""The dead letters in Redis: list them, and put an original back on the events stream."""

from base64 import b64decode
from collections.abc import Sequence
from typing import Any

import msgspec
import structlog

from agentwatch.connection import reading
from agentwatch.errors import UNREADABLE, BadRequest
from agentwatch.keys import keys
from agentwatch.records import DeadLetter
from agentwatch.store.bounds import before_bound, checked
from agentwatch.store.scripts import Script

__all__ = ["RedisDeadLetters", "fields_of"]

_log = structlog.get_logger()


class RedisDeadLetters:
    """One partition's dead letters; an id is that of the letter's own stream entry."""

    def __init__(self, client: Any, partition: int) -> None:
        self._client = client
        self._keys = keys(partition)
        self._requeue = Script("requeue")

    async def count(self) -> int:
        """Tell how many there are."""
        with reading("dead"):
            return int(await self._client.execute_command("XLEN", self._keys.dead))

    async def dead(self, before: str, limit: int) -> Sequence[tuple[str, DeadLetter]]:
        """List dead letters before an id ("" = from the end), newest first."""
        edge = before_bound(before)
        with reading("dead"):
            rows = await self._client.execute_command("XREVRANGE", self._keys.dead, edge, "-", "COUNT", limit)
        found: list[tuple[str, DeadLetter]] = []
        for position, fields in rows:
            try:
                found.append((position.decode(), msgspec.json.decode(fields[1], type=DeadLetter)))
            except UNREADABLE as error:
                _log.error("dead_letter_unreadable", id=position.decode(), reason=str(error))
        return found

    async def requeue(self, id: str) -> str:
        """Put the original back on the events stream, once; returns its new entry id. Raises `BadRequest`."""
        checked(id, "id")
        try:
            with reading("requeue"):
                rows = await self._client.execute_command("XRANGE", self._keys.dead, id, id)
            if not rows:
                raise BadRequest(f"no dead letter {id!r}", "id")
            letter = msgspec.json.decode(rows[0][1][1], type=DeadLetter)
        except UNREADABLE as error:
            raise BadRequest(f"dead letter {id!r} cannot be read: {error}", "id") from error
        args: list[str | bytes] = [id]
        for name, value in fields_of(letter).items():
            args += (name, value)
        with reading("requeue"):
            entry = await self._requeue.run(self._client, (self._keys.dead, self._keys.events), args)
        if not entry:
            raise BadRequest(f"dead letter {id!r} was put back by somebody else", "id")
        return str(entry.decode())


def fields_of(letter: DeadLetter) -> dict[bytes, bytes]:
    """Give the fields of the original entry; raises `BadRequest` where it was not kept whole."""
    if letter.cut or not letter.original:
        raise BadRequest(f"the original of entry {letter.entry} was too large and is not kept whole", "id")
    if letter.encoding == "base64":
        return {b64decode(name): b64decode(value) for name, value in letter.original.items()}
    return {name.encode(): value.encode() for name, value in letter.original.items()}

"""What is left of partitions that are served no longer: moved to where it is read, or kept for a while.

Dead letters go to a partition that is served, and the ledger's lines to that of their app; the logs and what was read
stay for `keep_s`, the state goes at once. The audit log stays as it is, and whoever verifies it asks for it by number.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from agentwatch.connection import reading
from agentwatch.errors import Incompatible
from agentwatch.keys import Keys, keys
from agentwatch.keys import partition as partition_of_app
from agentwatch.nodes import Nodes

__all__ = ["RedisRetired"]

KEEP_S = 30 * 86_400
_PAGE = 500


class RedisRetired:
    """Clears partitions up, and takes them into service again. Everything may be run again after it was broken off.

    dead_letters: most entries of that stream. ledger_s, keep_s: how long a day's ledger and the logs are kept, in
    seconds.
    """

    def __init__(self, nodes: Nodes, dead_letters: int, ledger_s: int, keep_s: int = KEEP_S) -> None:
        self._nodes = nodes
        self._dead_letters = dead_letters
        self._ledger_s = ledger_s
        self._keep_s = keep_s

    async def revive(self, partition: int) -> None:
        """Let nothing of a partition end by itself that is to be served. Raises `StoreUnavailable`."""
        client = self._nodes.of(partition)
        with reading("revive"):
            for key in _lasting(keys(partition)):
                await client.execute_command("PERSIST", key)

    async def retire(self, partition: int, partitions: int) -> None:
        """Move or let go what a partition left that none of `partitions` is.

        Raises `StoreUnavailable`, and `Incompatible` for a ledger of another type, which keeps its name.
        """
        names, client = keys(partition), self._nodes.of(partition)
        with reading("retire"):
            await self._move_dead(names, client, partition % partitions)
            await self._move_ledger(names, client, partitions)
            for key in _lasting(names):
                await client.execute_command("EXPIRE", key, self._keep_s)
            await client.execute_command("DEL", names.checkpoint)
            async for key in _scan(client, f"{names.prefix}state:*"):
                await client.execute_command("UNLINK", key)

    async def _move_dead(self, names: Keys, client: Any, into: int) -> None:
        """Move letters in order; where that is broken off one may be there twice, and none is lost."""
        to, target = keys(into).dead, self._nodes.of(into)
        while rows := await client.execute_command("XRANGE", names.dead, "-", "+", "COUNT", _PAGE):
            async with target.pipeline(transaction=False) as pipe:
                for _, fields in rows:
                    pipe.execute_command("XADD", to, "MAXLEN", "~", self._dead_letters, "*", *fields)
                await pipe.execute()
            await client.execute_command("XDEL", names.dead, *(position for position, _ in rows))
        await client.execute_command("DEL", names.dead)

    async def _move_ledger(self, names: Keys, client: Any, partitions: int) -> None:
        """Move every day's lines, each day under a name of its own: that of one move is never taken for another's."""
        moving = f"{names.prefix}retiring:"
        for key in {key async for key in _scan(client, f"{names.prefix}ledger:*")}:
            if (kind := await client.execute_command("TYPE", key)) not in (b"hash", b"none"):
                raise Incompatible(f"{key} is a {kind.decode()}, not a hash; take it away, and run this again")
            await client.execute_command("RENAME", key, f"{moving}{uuid4().hex}:{key.rpartition(':')[2]}")
        for key in {key async for key in _scan(client, f"{moving}*")}:
            await self._move_day(client, names, key, partitions)

    async def _move_day(self, client: Any, names: Keys, key: str, partitions: int) -> None:
        """Add a day's lines to those of the partitions of their apps, each once: a mark goes with each addition."""
        flat = await client.execute_command("HGETALL", key)
        shares: dict[int, list[tuple[bytes, bytes]]] = {}
        for field, amount in zip(flat[::2], flat[1::2], strict=True):
            shares.setdefault(_home(field, partitions), []).append((field, amount))
        move, _, day = key.removeprefix(f"{names.prefix}retiring:").partition(":")
        marks = {index: f"{keys(index).prefix}moved:{names.index}:{move}" for index in shares}
        for index, lines in shares.items():
            await self._add(self._nodes.of(index), keys(index).ledger(day), marks[index], lines)
        await client.execute_command("UNLINK", key)
        await self._unmark(marks)

    async def _unmark(self, marks: dict[int, str]) -> None:
        for index, mark in marks.items():
            await self._nodes.of(index).execute_command("DEL", mark)

    async def _add(self, target: Any, ledger: str, mark: str, lines: Sequence[tuple[bytes, bytes]]) -> None:
        if await target.execute_command("EXISTS", mark):
            return
        async with target.pipeline(transaction=True) as pipe:
            pipe.execute_command("SET", mark, 1, "EX", self._keep_s)
            for field, amount in lines:
                pipe.execute_command("HINCRBY", ledger, field, amount)
            pipe.execute_command("EXPIRE", ledger, self._ledger_s)
            await pipe.execute()


def _lasting(names: Keys) -> tuple[str, ...]:
    return (names.decisions, names.incidents, names.events, names.controls, names.acks, names.inputs)


def _home(field: bytes, partitions: int) -> int:
    """Tell the partition of a ledger field's app; its name is tenant, team, app and more, each escaped."""
    parts = [unquote(part) for part in field.decode().split("|")]
    return partition_of_app(parts[0], parts[2], partitions)


async def _scan(client: Any, pattern: str) -> AsyncIterator[str]:
    """Name the keys of one node that match, each at least once."""
    cursor: Any = b"0"
    while True:
        cursor, found = await client.execute_command("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)
        for key in found:
            yield key.decode()
        if int(cursor) == 0:
            return

"""Which workers there are and which of them serves which partition: what each needs to know to take its share."""

from collections.abc import Sequence
from typing import Any

import msgspec

from agentwatch.connection import reading
from agentwatch.errors import UNREADABLE
from agentwatch.keys import META, WORKERS, keys
from agentwatch.membership import Member, Owner, Spread
from agentwatch.nodes import Nodes
from agentwatch.store.holder import gone, this_process
from agentwatch.store.meta import settle_partitions

__all__ = ["RedisMembers"]

_FORGET = 20.0  # times `live_s` after which a silent worker's entry is taken away


class RedisMembers:
    """A hash with one field a worker, and the leases. `live_s`: a worker that was silent for longer counts as dead."""

    def __init__(self, nodes: Nodes, live_s: float) -> None:
        self._me = this_process()
        self._nodes = nodes
        self._live_s = live_s

    async def look(self, me: Member | None = None) -> Spread:
        """Give a sign of life (None: only look) and read who lives and who owns what. Raises `StoreUnavailable`."""
        with reading("workers"):
            common = self._nodes.common
            known, until = await common.execute_command("HMGET", META, "partitions", "held_back_until")
            self._nodes.partitions = int(known) if known is not None else await settle_partitions(common)
            seconds, micros = await common.execute_command("TIME")  # of one server, the same for every worker
            now = int(seconds) + int(micros) / 1e6
            if me is not None:
                entry = msgspec.structs.replace(me, at=now)
                await common.execute_command("HSET", WORKERS, me.name, msgspec.json.encode(entry))
            members = await self._members(common, now)
            owners = [await self._owner(index) for index in range(self._nodes.partitions)]
        return Spread(now=now, members=tuple(members), owners=tuple(owners), held_back=float(until or 0) > now)

    async def leave(self, name: str) -> None:
        """Take this worker's entry away. Raises `StoreUnavailable`."""
        with reading("workers"):
            await self._nodes.common.execute_command("HDEL", WORKERS, name)

    async def _members(self, common: Any, now: float) -> list[Member]:
        flat: Sequence[bytes] = await common.execute_command("HGETALL", WORKERS)
        found: list[Member] = []
        for field, raw in zip(flat[::2], flat[1::2], strict=True):
            try:
                member = msgspec.json.decode(raw, type=Member)
            except UNREADABLE:
                member = Member(name=field.decode(errors="replace"))  # of another version: no more is known
            if now - member.at > self._live_s * _FORGET:
                await common.execute_command("HDEL", WORKERS, field)
            elif now - member.at <= self._live_s and not gone(member.name, self._me):
                found.append(member)
        return sorted(found, key=lambda member: member.name)

    async def _owner(self, index: int) -> Owner | None:
        client = self._nodes.of(index)
        held = await client.execute_command("GET", keys(index).owner)
        if held is None:
            return None
        left_ms = await client.execute_command("PTTL", keys(index).owner)
        token, _, who = held.decode().partition(" ")
        if gone(who, self._me):
            return None  # its process has ended: whoever opens the partition need not wait for the lease to end
        return Owner(token=int(token), who=who, left_s=max(0, left_ms) / 1000)

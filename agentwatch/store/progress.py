"""How far every partition has come, read from the store whoever serves it."""

from collections.abc import Sequence
from typing import Any

from agentwatch.connection import reading
from agentwatch.keys import GROUP, keys
from agentwatch.membership import Members, Spread
from agentwatch.nodes import Nodes
from agentwatch.views import PartitionView

__all__ = ["RedisProgress"]


class RedisProgress:
    """`PartitionQueries` from Redis: owners, leases, commits and the groups' lag, whoever serves the partitions."""

    def __init__(self, nodes: Nodes, members: Members) -> None:
        self._nodes = nodes
        self._members = members

    async def partitions(self) -> Sequence[PartitionView]:
        """List every partition, whoever serves it. Raises `StoreUnavailable`."""
        spread = await self._members.look()
        with reading("partitions"):
            return [await self._view(index, spread) for index in range(len(spread.owners))]

    async def _view(self, index: int, spread: Spread) -> PartitionView:
        names, client, owner = keys(index), self._nodes.of(index), spread.owners[index]
        position, events = await client.execute_command("HMGET", names.committed, "events", "index")
        at = (position or b"0-0").decode()
        lag = await _lag(client, names.events)
        waiting = await client.execute_command("XRANGE", names.events, f"({at}", "+", "COUNT", 1)
        oldest = int(waiting[0][0].partition(b"-")[0]) / 1000 if waiting else spread.now
        return PartitionView(
            index=index,
            owner=owner.who if owner is not None else "",
            url=spread.url_of(index),
            token=owner.token if owner is not None else 0,
            lease_s=owner.left_s if owner is not None else 0.0,
            position=at,
            events=int(events or 0),
            lag=lag if lag is not None else (-1 if waiting else 0),
            oldest_s=round(max(0.0, spread.now - oldest), 3),
        )


async def _lag(client: Any, stream: str) -> int | None:
    """Tell how many entries the group has not read yet; None where nobody has begun, or the server cannot tell."""
    if not await client.execute_command("EXISTS", stream):
        return 0
    for flat in await client.execute_command("XINFO GROUPS", stream):
        told = dict(zip(flat[::2], flat[1::2], strict=True))
        if told[b"name"] == GROUP.encode():
            return None if told[b"lag"] is None else int(told[b"lag"])
    return None

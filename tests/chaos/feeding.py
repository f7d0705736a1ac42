"""Events onto the stream, and how far they were worked off."""

from collections.abc import Sequence

import redis

from agentwatch.keys import keys

__all__ = ["add", "committed"]


def add(client: redis.Redis, lines: Sequence[bytes]) -> None:
    """Put events on the stream."""
    with client.pipeline(transaction=False) as pipe:
        for line in lines:
            pipe.xadd(keys(0).events, {"data": line})
        pipe.execute()


def committed(client: redis.Redis) -> int:
    """Tell how many events are committed."""
    return int(client.hget(keys(0).committed, "index") or 0)

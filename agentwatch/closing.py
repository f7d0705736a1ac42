"""Connections to Redis that are closed for certain, and clients that stay closed.

The driver closes a client in tasks of its own and waits for them: who is cancelled meanwhile has closed nothing. What
is being connected at that moment it leaves alone, a command that comes later connects anew, and nobody ever closes
that. A connection to a server that reads no more it leaves open until what was written has gone out.
"""

import asyncio
from functools import lru_cache
from typing import Any

from redis.asyncio import ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError

__all__ = ["EndingPool", "close"]


class _Over:
    """Whether a client was closed; its connections look at it, and nothing else holds them together."""

    is_set = False


class EndingPool(ConnectionPool):
    """A pool that `end` closes at once and for good, without waiting; afterwards whoever asks it is refused."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        kind: Any = self.connection_class
        self.connection_class = _ending(kind)
        self._over = _Over()

    def make_connection(self) -> Any:
        """Make a connection that knows when the pool has ended."""
        connection: Any = super().make_connection()  # type: ignore[no-untyped-call]  # as the driver has it
        connection.over = self._over
        return connection

    async def release(self, connection: Any) -> None:
        """Take a connection back; after the end it is not kept open."""
        await super().release(connection)
        if self._over.is_set:
            _let_go(connection)

    def end(self) -> None:
        """Close every connection, also those that are in use: who waits for an answer there hears that it broke."""
        self._over.is_set = True
        for connection in self._in_use_connections:
            _cut(connection)
        for connection in self._available_connections:
            _let_go(connection)

    async def aclose(self) -> None:
        """End, and let the loop close the sockets."""
        self.end()
        await asyncio.sleep(0)


async def close(*clients: Any) -> None:
    """Close clients of an `EndingPool` for good. All is done before it waits, so no cancellation cuts it short."""
    for client in clients:
        client.connection_pool.end()
    await asyncio.sleep(0)  # the sockets are closed by the loop's next turn


@lru_cache(maxsize=8)
def _ending(kind: type[Any]) -> type[Any]:
    async def connect(self: Any) -> None:
        if not self.over.is_set:
            await kind._connect(self)
        if self.over.is_set:
            _let_go(self)
            raise RedisConnectionError("this client was closed")

    async def disconnect(self: Any, nowait: bool = False, *args: Any, **options: Any) -> None:  # noqa: ARG001
        _cut(self)
        await kind.disconnect(self, True, *args, **options)  # there is nothing left to wait for

    return type(f"Ending{kind.__name__}", (kind,), {"over": _Over(), "_connect": connect, "disconnect": disconnect})


def _cut(connection: Any) -> None:
    """Break a connection off; whoever uses it finds out."""
    if connection._writer is not None:
        connection._writer.transport.abort()


def _let_go(connection: Any) -> None:
    """Break off a connection that nobody uses, and forget it."""
    _cut(connection)
    connection._parser.on_disconnect()
    connection._reader = connection._writer = None

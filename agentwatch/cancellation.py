"""Cancellation that arrives, also inside drivers that wait with `asyncio.wait_for`.

Up to Python 3.11 `asyncio.wait_for` loses a cancellation that comes in the moment in which what it waits for is done:
it returns as if nothing had been, and a task that was told to end goes on for ever. redis-py writes, and aiomqtt waits
for every answer, in it.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from redis.asyncio import Redis

__all__ = ["cancellable", "end", "surely"]

T = TypeVar("T")
_AGAIN_S = 0.2


def cancellable(client: "Redis") -> "Redis":
    """Let the client's connections write without `wait_for`, under the same time limit; returns the client."""
    pool: Any = client.connection_pool
    pool.connection_class = _writing_cancellably(pool.connection_class)
    return client


@lru_cache(maxsize=8)
def _writing_cancellably(kind: type[Any]) -> type[Any]:
    from redis.exceptions import TimeoutError as RedisTimeoutError  # loaded already by whoever has a connection

    async def send_packed_command(self: Any, command: Any, check_health: bool = True) -> None:
        # The driver waits with `wait_for` only where a time limit is set.
        timeout_s, self.socket_timeout = self.socket_timeout, None
        try:
            async with asyncio.timeout(timeout_s):
                await kind.send_packed_command(self, command, check_health)
        except TimeoutError:
            await self.disconnect(nowait=True)
            raise RedisTimeoutError("Timeout writing to socket") from None
        finally:
            self.socket_timeout = timeout_s

    return type(f"Cancellable{kind.__name__}", (kind,), {"send_packed_command": send_packed_command})


async def surely(work: Coroutine[Any, Any, T]) -> T:
    """Await a driver's coroutine so that a cancellation of the caller is never lost in it."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task})
    finally:
        task.cancel()
    return task.result()


async def end(tasks: Iterable["asyncio.Task[Any]"], within_s: float) -> bool:
    """Cancel tasks, again where a cancellation was lost, and wait for them; False where some outlive `within_s`.

    Who is cancelled while it waits here waits on until they have ended, or the time is over, and is cancelled then:
    otherwise they would go on behind the back of whoever closes next what they use.
    """
    left = {task for task in tasks if not task.done()}
    deadline = asyncio.get_running_loop().time() + within_s
    cancelled: asyncio.CancelledError | None = None
    while left:
        for task in left:
            task.cancel()
        left_s = deadline - asyncio.get_running_loop().time()
        if left_s <= 0:
            break
        try:
            await asyncio.wait(left, timeout=min(_AGAIN_S, left_s))
        except asyncio.CancelledError as error:
            cancelled = error
        left = {task for task in left if not task.done()}
    if cancelled is not None:
        raise cancelled
    return not left

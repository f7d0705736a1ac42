"""Commands over Redis: the commit has written the control key already, so all that is sent is a wake-up."""

from typing import Any

import msgspec
import structlog
from msgspec import Struct
from redis.exceptions import RedisError

from agentwatch.errors import SignalUnavailable
from agentwatch.keys import keys
from agentwatch.records import Command

__all__ = ["RedisSignal"]

_log = structlog.get_logger()


class _Wake(Struct, frozen=True, omit_defaults=True):
    """What a wake-up carries: enough to follow by eye; readers ask the control key."""

    subject: str
    epoch: int
    cmd: str = ""


class RedisSignal:
    """Wakes the guards of a subject over Pub/Sub. `client` is a `redis.asyncio` client; it stays the caller's."""

    name = "redis"

    def __init__(self, client: Any, partition: int) -> None:
        self._client = client
        self._keys = keys(partition)

    async def send(self, command: Command) -> None:
        """Wake the guards, who then read the control key. Raises `SignalUnavailable`."""
        await self._wake(_Wake(command.subject, command.epoch, command.cmd))

    async def clear(self, subject: str, epoch: int) -> None:
        """Wake the guards, who then find the control key gone. Raises `SignalUnavailable`."""
        await self._wake(_Wake(subject, epoch))

    async def _wake(self, wake: _Wake) -> None:
        try:
            await self._client.publish(self._keys.signal(wake.subject), msgspec.json.encode(wake))
        except (RedisError, OSError) as error:
            raise SignalUnavailable(f"Redis: {error}") from error

"""Callers that were added while running, in Redis: every worker of a fleet knows the same ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog

from agentwatch.clients import Client
from agentwatch.connection import reading
from agentwatch.errors import UNREADABLE
from agentwatch.keys import CLIENTS, CLIENTS_USED

__all__ = ["RedisClients"]

_log = structlog.get_logger()


class RedisClients:
    """Two hashes: the callers by name, and when each was last used."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def load(self) -> tuple[Sequence[Client], Mapping[str, float]]:
        """List the stored callers, and when each name was last used; a record that cannot be read admits nobody."""
        with reading("clients"):
            flat = await self._client.execute_command("HGETALL", CLIENTS)
            used = await self._client.execute_command("HGETALL", CLIENTS_USED)
        found: list[Client] = []
        for name, data in zip(flat[::2], flat[1::2], strict=True):
            try:
                found.append(msgspec.json.decode(data, type=Client))
            except UNREADABLE as error:
                _log.error("client_unreadable", name=name.decode(errors="replace")[:64], reason=str(error))
        times = {name.decode(): float(at) for name, at in zip(used[::2], used[1::2], strict=True)}
        return found, times

    async def add(self, client: Client) -> bool:
        """Store a new caller; False where the name is taken."""
        with reading("client"):
            data = msgspec.json.encode(client)
            return bool(await self._client.execute_command("HSETNX", CLIENTS, client.name, data))

    async def put(self, client: Client) -> None:
        """Store a caller in the place of the one of that name."""
        with reading("client"):
            await self._client.execute_command("HSET", CLIENTS, client.name, msgspec.json.encode(client))

    async def drop(self, name: str) -> None:
        """Forget a caller and its use."""
        with reading("client"):
            await self._client.execute_command("HDEL", CLIENTS, name)
            await self._client.execute_command("HDEL", CLIENTS_USED, name)

    async def used(self, at: Mapping[str, float]) -> None:
        """Record when these names were last used."""
        flat = [part for name, time in at.items() for part in (name, f"{time:.3f}")]
        if flat:
            with reading("clients used"):
                await self._client.execute_command("HSET", CLIENTS_USED, *flat)

"""The way in for operators' wishes: one ordered stream a partition."""

from typing import Any

import msgspec

from agentwatch.connection import reading
from agentwatch.keys import keys
from agentwatch.records import Control

__all__ = ["RedisControls"]


class RedisControls:
    """Appends to one partition's controls stream."""

    def __init__(self, client: Any, partition: int) -> None:
        self._client = client
        self._keys = keys(partition)

    async def append(self, control: Control) -> str:
        """Append a wish; returns its position. It is carried out when the worker reads it."""
        with reading("control"):
            position = await self._client.execute_command(
                "XADD", self._keys.controls, "*", "data", msgspec.json.encode(control)
            )
        return str(position.decode())

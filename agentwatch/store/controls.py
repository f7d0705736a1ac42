"""The way in for what operators ask: the controls stream of every partition that it concerns."""

from collections.abc import Sequence
from typing import Any

import msgspec

from agentwatch.connection import reading
from agentwatch.keys import keys, partition_of
from agentwatch.records import Control
from agentwatch.subject import parse

__all__ = ["RedisControls"]


class RedisControls:
    """Appends control inputs; the partitions' workers read them in order."""

    def __init__(self, client: Any, partitions: int) -> None:
        self._client = client
        self._partitions = partitions

    async def append(self, control: Control) -> None:
        """Append a control: to its subject's partition, or to every one where it concerns the fleet or a tenant."""
        data = msgspec.json.encode(control)
        with reading("control"):
            for index in self._concerned(control.subject):
                await self._client.execute_command("XADD", keys(index).controls, "*", "data", data)

    def _concerned(self, subject: str) -> Sequence[int]:
        if not subject or parse(subject)[0] == "tenant":
            return range(self._partitions)
        return (partition_of(subject, self._partitions),)

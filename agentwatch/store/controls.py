"""The way in for operators' wishes: one ordered stream a partition."""

import msgspec

from agentwatch.connection import reading
from agentwatch.keys import keys, partition_of
from agentwatch.nodes import Nodes
from agentwatch.records import Control

__all__ = ["RedisControls"]


class RedisControls:
    """Appends wishes to the controls streams; the worker of the partition carries them out when it reads them."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    async def append_to(self, index: int, control: Control) -> None:
        """Append to the stream of one partition."""
        with reading("control"):
            await self._nodes.of(index).execute_command(
                "XADD", keys(index).controls, "*", "data", msgspec.json.encode(control)
            )

    async def append(self, control: Control) -> None:
        """Append to the stream of the subject's partition; what concerns no app in particular goes to every one."""
        data = msgspec.json.encode(control)
        targets = range(self._nodes.partitions)
        if "/" in control.subject:
            index = partition_of(control.subject, self._nodes.partitions)
            targets = range(index, index + 1)
        with reading("control"):
            for index in targets:
                await self._nodes.of(index).execute_command("XADD", keys(index).controls, "*", "data", data)

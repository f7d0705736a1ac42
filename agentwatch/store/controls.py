"""The way in for operators' wishes: one ordered stream a partition, each wish signed where there is a key."""

import msgspec

from agentwatch.audited import UNSIGNED, Vouching
from agentwatch.connection import reading
from agentwatch.keys import keys, partition_of
from agentwatch.nodes import Nodes
from agentwatch.records import Control
from agentwatch.wishes import entry_fields

__all__ = ["RedisControls"]


class RedisControls:
    """Appends wishes to the controls streams; the worker of the partition carries them out when it reads them."""

    def __init__(self, nodes: Nodes, signer: Vouching = UNSIGNED) -> None:
        self._nodes = nodes
        self._signer = signer

    async def append_to(self, index: int, control: Control) -> None:
        """Append to the stream of one partition."""
        fields = entry_fields(msgspec.json.encode(control), self._signer)
        with reading("control"):
            await self._nodes.of(index).execute_command("XADD", keys(index).controls, "*", *fields)

    async def append(self, control: Control) -> None:
        """Append to the stream of the subject's partition; what concerns no app in particular goes to every one."""
        fields = entry_fields(msgspec.json.encode(control), self._signer)
        targets = range(self._nodes.partitions)
        if "/" in control.subject:
            index = partition_of(control.subject, self._nodes.partitions)
            targets = range(index, index + 1)
        with reading("control"):
            for index in targets:
                await self._nodes.of(index).execute_command("XADD", keys(index).controls, "*", *fields)

"""The ways in beside the events stream: what operators ask, and acknowledgements that came by another road."""

from collections.abc import Sequence
from typing import Any

import msgspec

from agentwatch.connection import reading
from agentwatch.keys import keys, partition_of
from agentwatch.records import Ack, Control
from agentwatch.subject import parse

__all__ = ["RedisInbox"]

_MAX_ACKS = 100_000  # entries of an acks stream; what is older was read or will not matter


class RedisInbox:
    """Appends to the controls and acks streams of the partitions concerned."""

    def __init__(self, client: Any, partitions: int) -> None:
        self._client = client
        self._partitions = partitions

    async def append(self, control: Control) -> None:
        """Append a control: to its subject's partition, or to every one where it concerns the fleet or a tenant."""
        data = msgspec.json.encode(control)
        with reading("control"):
            for index in self._concerned(control):
                await self._client.execute_command("XADD", keys(index).controls, "*", "data", data)

    async def acknowledge(self, acks: Sequence[Ack]) -> None:
        """Append acknowledgements to their partitions' streams, in order."""
        with reading("acks"):
            for ack in acks:
                for index in self._of(ack.subject):
                    await self._client.execute_command(
                        "XADD", keys(index).acks, "MAXLEN", "~", _MAX_ACKS, "*", "data", msgspec.json.encode(ack)
                    )

    def _concerned(self, control: Control) -> Sequence[int]:
        return self._of(control.subject) if control.subject else range(self._partitions)

    def _of(self, subject: str) -> Sequence[int]:
        if parse(subject)[0] == "tenant":
            return range(self._partitions)
        return (partition_of(subject, self._partitions),)

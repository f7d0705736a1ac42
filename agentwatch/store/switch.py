"""What holds for all partitions while their number is changed."""

from collections.abc import Sequence

from agentwatch.connection import reading
from agentwatch.keys import META, keys
from agentwatch.nodes import Nodes

__all__ = ["RedisSwitch"]

_AT_ONCE = 500


class RedisSwitch:
    """The fields of `agentwatch:meta`, and what is left in partitions whose subjects went elsewhere."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    async def hold(self, seconds: float) -> None:
        """Keep workers from taking partitions for so long; 0 lets them."""
        with reading("hold"):
            common = self._nodes.common
            now = int((await common.execute_command("TIME"))[0])
            await common.execute_command("HSET", META, "held_back_until", f"{now + seconds:.0f}" if seconds else "0")

    async def count(self, partitions: int) -> None:
        """Write the number of partitions."""
        with reading("partitions"):
            await self._nodes.common.execute_command("HSET", META, "partitions", partitions)
            self._nodes.partitions = partitions

    async def forget(self, partition: int, subjects: Sequence[str]) -> None:
        """Take away what stands for subjects in a partition that is no longer theirs."""
        names, client = keys(partition), self._nodes.of(partition)
        for start in range(0, len(subjects), _AT_ONCE):
            some = subjects[start : start + _AT_ONCE]
            with reading("forget"):
                await client.execute_command("DEL", *(names.control(subject) for subject in some))
                await client.execute_command("ZREM", names.standing, *some)

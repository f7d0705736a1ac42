"""What holds for all partitions while their number is changed."""

from collections.abc import Sequence

from agentwatch.connection import reading
from agentwatch.keys import META, MOST, keys
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
        """Write the number of partitions, and the most that there ever were."""
        with reading("partitions"):
            common = self._nodes.common
            most = max(partitions, self._nodes.partitions, await self.most())
            await common.execute_command("HSET", META, "partitions", partitions, MOST, most)
            self._nodes.partitions = partitions

    async def most(self) -> int:
        """Tell the most partitions that there ever were, 0 where they were never changed."""
        with reading("partitions"):
            return int(await self._nodes.common.execute_command("HGET", META, MOST) or 0)

    async def forget(self, partition: int, subjects: Sequence[str]) -> None:
        """Take away what stands for subjects in a partition that is no longer theirs."""
        names, client = keys(partition), self._nodes.of(partition)
        for start in range(0, len(subjects), _AT_ONCE):
            some = subjects[start : start + _AT_ONCE]
            with reading("forget"):
                await client.execute_command("DEL", *(names.control(subject) for subject in some))
                await client.execute_command("ZREM", names.standing, *some)

"""What holds for all partitions: their number, written once and then only compared."""

from typing import Any

from agentwatch.connection import reading
from agentwatch.errors import BadConfig
from agentwatch.keys import META

__all__ = ["settle_partitions"]


async def settle_partitions(client: Any, wanted: int) -> int:
    """Write the number of partitions if none is known (`wanted` 0 takes what is known, else 1) and return it.

    Raises `BadConfig` when another number is in force: apps would land in other partitions.
    """
    with reading("partitions"):
        if wanted > 0 or not await client.execute_command("HEXISTS", META, "partitions"):
            await client.execute_command("HSETNX", META, "partitions", max(1, wanted))
        known = int(await client.execute_command("HGET", META, "partitions"))
    if wanted > 0 and known != wanted:
        raise BadConfig(f"is {wanted}, but {known} is in force in Redis", "redis.partitions")
    return known

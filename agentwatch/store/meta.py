"""What holds for all partitions: their number, written once, and then changed by `partitions resize` alone."""

from typing import Any

from agentwatch.connection import reading
from agentwatch.keys import META

__all__ = ["settle_partitions"]


async def settle_partitions(client: Any) -> int:
    """Tell the number of partitions; it is written, as 1, where none is known. Raises `StoreUnavailable`."""
    with reading("partitions"):
        if not await client.execute_command("HEXISTS", META, "partitions"):
            await client.execute_command("HSETNX", META, "partitions", 1)
        return int(await client.execute_command("HGET", META, "partitions"))

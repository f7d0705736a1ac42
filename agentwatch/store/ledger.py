"""The costs of a day, read back from Redis."""

from collections.abc import Sequence
from typing import Any

from agentwatch.connection import reading
from agentwatch.keys import keys
from agentwatch.records import METRICS, LedgerLine, Metric, line_of

__all__ = ["RedisLedger"]


class RedisLedger:
    """Reads what one partition has spent, by day, from Redis: a second late at most while a worker works."""

    def __init__(self, client: Any, partition: int) -> None:
        self._client = client
        self._keys = keys(partition)

    async def lines(self, day: str) -> Sequence[LedgerLine]:
        """List the lines of a day (YYYY-MM-DD), most expensive first."""
        sums: dict[str, dict[Metric, int]] = {}
        cursor = b"0"
        with reading("ledger"):
            while True:
                cursor, flat = await self._client.execute_command(
                    "HSCAN", self._keys.ledger(day), cursor, "COUNT", 1000
                )
                for raw, amount in zip(flat[::2], flat[1::2], strict=True):
                    name, _, metric = raw.decode().rpartition("|")
                    if metric in METRICS:
                        sums.setdefault(name, {})[metric] = int(amount)
                if cursor == b"0":
                    break
        found = [line_of(day, name, metrics) for name, metrics in sums.items()]
        return sorted(found, key=lambda line: (-line.cost_nusd, line.tenant, line.app, line.agent, line.model))

"""The one place of kill permits in Redis: every partition's worker reserves there, in one slot of a cluster."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from agentwatch.connection import reading
from agentwatch.keys import PERMITS
from agentwatch.store.scripts import Script

__all__ = ["PermitLimits", "RedisPermits"]

_FRESH_S = 30  # a partition whose worker is silent for longer has no runs, as far as limits are concerned


class PermitLimits(Struct, frozen=True, kw_only=True):
    """The breaker's limits, with the time added in which a permit may be used. leap_s: more is a clock that was set."""

    window_s: float
    share: float
    min_runs: int
    small_limit: int
    leap_s: float


class RedisPermits:
    """Reserves kills for one partition of `partitions`. Raises `StoreUnavailable` where the store is away."""

    def __init__(self, client: Any, index: int, partitions: int, limits: PermitLimits) -> None:
        self._client = client
        self._index = index
        self._partitions = partitions
        self._limits = limits
        self._script = Script("permit")

    async def publish(self, populations: Mapping[str, int]) -> None:
        """Tell how many runs are active here, by scope, and let time pass."""
        key = self._runs(self._index)
        with reading("permits"):
            await self._client.execute_command("DEL", key)
            flat = [item for pair in populations.items() for item in pair]
            if flat:
                await self._client.execute_command("HSET", key, *flat)
                await self._client.execute_command("EXPIRE", key, _FRESH_S)
            await self._run("", ())

    async def reserve(self, subject: str, scopes: Sequence[str]) -> str:
        """Reserve one kill in every scope or in none; says why there is none left, empty where it was reserved.

        A subject that holds its permits gets them again: a lost answer costs nothing.
        """
        with reading("permits"):
            word, used, allowed = await self._run(subject, scopes)
        if word == b"ok":
            return ""
        return f"breaker {word.decode()}: {used} of {allowed} kills of all partitions are used"

    async def _run(self, subject: str, scopes: Sequence[str]) -> Any:
        limits = self._limits
        kills = [f"{PERMITS}:kills:{scope}" for scope in scopes]
        runs = [self._runs(index) for index in range(self._partitions)] if scopes else []
        args: list[str | int | float] = [subject, len(scopes), int(limits.window_s * 1000), int(limits.leap_s * 1000)]
        args += [limits.share, limits.min_runs, limits.small_limit, *scopes]
        return await self._script.run(self._client, [f"{PERMITS}:clock", *kills, *runs], args)

    @staticmethod
    def _runs(index: int) -> str:
        return f"{PERMITS}:runs:{index}"

"""What the daemon finds about itself, as ordered inputs of a partition: safe mode, and what became of its canary."""

import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Literal

from agentwatch.records import Control

__all__ = ["Finding", "SelfReport"]

Finding = Literal["safe", "safe_over", "canary_lives", "canary_killed", "permit", "permit_refused"]


class SelfReport:
    """Appends findings to the inputs of one partition. Raises `StoreUnavailable` where that is away."""

    def __init__(self, append: Callable[[Control], Awaitable[None]], clock: Callable[[], float] = time.time) -> None:
        self._append = append
        self._clock = clock

    async def tell(self, value: Finding, reason: str, subject: str = "", target: str = "") -> None:
        """Tell one finding, about a subject where it is about one."""
        at = self._clock()
        await self._append(
            Control(
                id=uuid.uuid4().hex,
                kind="self",
                at=at,
                author="agentwatch",
                reason=reason,
                value=value,
                subject=subject,
                target=target,
            )
        )

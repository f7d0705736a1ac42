"""Waits for a partition, which may take as long as another worker lives."""

import asyncio
from collections.abc import Callable

from agentwatch.cancellation import end
from agentwatch.ports import Opened, Store

__all__ = ["opened_by_us"]

_LOOK_S = 0.2  # how often a worker that waits for its lease looks whether it was told to stop
_END_S = 5.0


async def opened_by_us(store: Store, stopping: asyncio.Event, beat: Callable[[], None]) -> Opened | None:
    """Wait for the lease, with signs of life (`beat`); None at a stop."""
    opening = asyncio.create_task(store.open(), name="agentwatch-lease-wait")
    try:
        while not stopping.is_set():
            done, _ = await asyncio.wait({opening}, timeout=_LOOK_S)
            if done:
                return opening.result()
            beat()
    finally:
        await end({opening}, _END_S)
    if opening.done() and not opening.cancelled() and opening.exception() is None:
        await store.close()
    return None

"""A guard's acknowledgements on their way: kept in order until a path takes them, within a bound."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from agentwatch.client.channel import Channel
from agentwatch.client.log import log
from agentwatch.errors import SignalUnavailable
from agentwatch.records import Ack

__all__ = ["Acking"]

_RETRY_S = 0.5


class Acking:
    """`put` queues, `run` hands over. paths: the channels that work now, the best one first."""

    def __init__(self, guard_id: str, most: int, paths: Callable[[], Iterable[Channel]]) -> None:
        self._guard_id = guard_id
        self._most = most
        self._paths = paths
        self._queue: deque[Ack] = deque()
        self._waiting = asyncio.Event()
        self._handed_over = asyncio.Event()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, ack: Ack) -> None:
        """Queue an acknowledgement; when too many wait, the oldest goes and is counted."""
        if len(self._queue) >= self._most:
            self._queue.popleft()
            self.dropped += 1
        self._queue.append(ack)
        self._handed_over.clear()
        self._waiting.set()

    def retry(self) -> None:
        """Try again now: a path came up."""
        self._waiting.set()

    async def handed_over(self, within_s: float) -> None:
        """Wait until none is left, at most `within_s` seconds."""
        handed = asyncio.create_task(self._handed_over.wait(), name="agentwatch-close")
        try:
            await asyncio.wait({handed}, timeout=within_s)
        finally:
            handed.cancel()

    async def run(self) -> None:
        """Hand them over by the first path that takes them, in order, until cancelled."""
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            while self._queue:
                batch = list(self._queue)
                if not await self._deliver(batch):
                    break
                for ack in batch:
                    if self._queue and self._queue[0] is ack:
                        self._queue.popleft()
            if not self._queue:
                self._handed_over.set()
                continue
            try:
                async with asyncio.timeout(_RETRY_S):
                    await self._waiting.wait()  # set by a path that comes up, too
            except TimeoutError:
                self._waiting.set()

    async def _deliver(self, batch: Sequence[Ack]) -> bool:
        for channel in self._paths():
            try:
                await channel.acknowledge(batch)
            except SignalUnavailable as error:
                log.warning("guard_ack_failed", guard=self._guard_id, path=channel.name, reason=str(error))
            else:
                return True
        return False

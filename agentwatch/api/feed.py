"""One subscriber's view of the decision log: a bounded queue that says what it dropped."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

import structlog

from agentwatch.errors import AgentwatchError
from agentwatch.records import Decision

__all__ = ["Feed", "Taken"]

_log = structlog.get_logger(__name__)
Taken = tuple[str, Decision]


class Feed:
    """Reads decisions into a queue of at most `bound`, oldest dropped first; `wanted` leaves the others' out.

    Decisions that the log's own reader lost show as gaps in `seq` and are counted with those dropped here.
    """

    def __init__(
        self, source: AsyncIterator[Taken], wanted: Callable[[Decision], bool], bound: int, ready: asyncio.Event
    ) -> None:
        self._source = source
        self._wanted = wanted
        self._queue: deque[Taken] = deque()
        self._bound = bound
        self._ready = ready
        self._dropped = 0
        self._last_seq = 0
        self.error = ""
        self.ended = False

    async def run(self) -> None:
        """Read until the log's reader ends; set `ready` for each decision, and at the end."""
        try:
            async for position, decision in self._source:
                self.put(position, decision)
        except AgentwatchError as error:
            _log.warning("api_feed_failed", error=str(error))
            self.error = "the decision log does not answer"
        finally:
            self.ended = True
            self._ready.set()

    def put(self, position: str, decision: Decision) -> None:
        """Take one decision in."""
        if self._last_seq and decision.seq > self._last_seq + 1:
            self._dropped += decision.seq - self._last_seq - 1
        self._last_seq = max(self._last_seq, decision.seq)
        if self._wanted(decision):
            if len(self._queue) >= self._bound:
                self._queue.popleft()
                self._dropped += 1
            self._queue.append((position, decision))
        self._ready.set()

    def take(self) -> tuple[list[Taken], int]:
        """Give what has come since, oldest first, and how many were dropped before it."""
        taken, dropped = list(self._queue), self._dropped
        self._queue.clear()
        self._dropped = 0
        return taken, dropped

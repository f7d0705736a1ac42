"""Tells the rest of the process what was committed: wakes the loops that act on the log, feeds those who watch it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence

from agentwatch.config import HubOptions
from agentwatch.errors import Unavailable
from agentwatch.records import Decision
from agentwatch.service.recent import Recent

__all__ = ["Hub", "Watcher"]

_SINKS_TURNS = 10  # turns of the loop from a commit until what it decided is written to a broker's socket


class Watcher:
    """One reader of what is committed from now on, in a bounded queue."""

    def __init__(self, most: int) -> None:
        self.items: deque[tuple[str, Decision]] = deque(maxlen=most)
        self.ready = asyncio.Event()
        self.dropped = 0

    def put(self, position: str, decision: Decision) -> None:
        """Queue a decision; a full queue loses its oldest."""
        if len(self.items) == self.items.maxlen:
            self.dropped += 1
        self.items.append((position, decision))
        self.ready.set()

    async def read(self) -> AsyncIterator[tuple[str, Decision]]:
        """Yield decisions until cancelled."""
        while True:
            while self.items:
                yield self.items.popleft()
            self.ready.clear()
            await self.ready.wait()


class Hub:
    """Wake-ups after each commit. Everything here is in memory; the log in the store is what counts."""

    def __init__(self, options: HubOptions = HubOptions()) -> None:  # noqa: B008  # frozen
        self._options = options
        self._watchers: set[Watcher] = set()
        self._wakes: list[Callable[[], None]] = []
        self._waiting: dict[str, asyncio.Future[Decision | None]] = {}
        self.dropped = 0
        self.recent = Recent()

    @property
    def watching(self) -> int:
        """How many readers follow the decisions now."""
        return len(self._watchers)

    @property
    def awaited(self) -> int:
        """How many requests wait for their commit now."""
        return len(self._waiting)

    def wake(self) -> asyncio.Event:
        """Give an event that is set after each commit that decided something."""
        event = asyncio.Event()
        self._wakes.append(event.set)
        return event

    def on_commit(self, call: Callable[[], None]) -> None:
        """Call this after each commit that decided something."""
        self._wakes.append(call)

    @staticmethod
    async def sinks_first(decided: Sequence[Decision]) -> None:
        """Let those that a commit woke put what was decided on its way, before anything else is computed."""
        for _ in range(_SINKS_TURNS if decided else 0):
            await asyncio.sleep(0)

    def watch(self) -> Watcher:
        """Begin to watch. Raises `Unavailable` when too many do."""
        if len(self._watchers) >= self._options.watchers:
            raise Unavailable(f"{len(self._watchers)} readers watch the decisions, and no more may")
        watcher = Watcher(self._options.queue)
        self._watchers.add(watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Send no more to this reader, and keep the count of what it was too slow for."""
        self._watchers.discard(watcher)
        self.dropped += watcher.dropped

    def expect(self, control_id: str) -> asyncio.Future[Decision | None]:
        """Wait for the commit that holds a control request; its result is the decision that it led to, if any.

        Raises `Unavailable` when too many wait.
        """
        if len(self._waiting) >= self._options.requests:
            raise Unavailable(f"{len(self._waiting)} requests wait for their commit, and no more may")
        future: asyncio.Future[Decision | None] = asyncio.get_running_loop().create_future()
        self._waiting[control_id] = future
        return future

    def forget(self, control_id: str) -> None:
        """Stop waiting for a control request."""
        self._waiting.pop(control_id, None)

    def committed(self, decisions: Sequence[tuple[str, Decision]], answers: Sequence[tuple[str, object]]) -> None:
        """Pass a commit on: its decisions with their log positions, and what each control request led to."""
        self.recent.add(decisions)
        for watcher in self._watchers:
            for position, decision in decisions:
                watcher.put(position, decision)
        for control_id, answer in answers:
            future = self._waiting.pop(control_id, None)
            if future is None or future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer if isinstance(answer, Decision) else None)
        if decisions:
            for wake in self._wakes:
                wake()

"""Brings a log's entries to a sink, in order and for certain: the cursor moves only after the sink's confirmation.

One loop for every sink. A sink that is away delays; what it missed is in the log. A sink never seen before begins with
what stands now and not with history. Nothing waits for the cursor: it follows beside the deliveries, and what it had
not reached at a crash is delivered again.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeVar

import structlog
from msgspec import Struct, field

from agentwatch.backoff import Backoff, BackoffOptions
from agentwatch.cancellation import end
from agentwatch.errors import Unavailable

__all__ = ["Cursors", "OutboxOptions", "Progress", "drain"]

T = TypeVar("T")
_log = structlog.get_logger()
_START = "0-0"
_END_S = 5.0


class OutboxOptions(Struct, frozen=True, kw_only=True):
    """batch: entries read at once. at_once: deliveries that may wait for their confirmation together.

    They begin in the log's order; only a sink that keeps that order by itself may be given several. poll_s: how often
    the log is read when nothing wakes the loop.
    """

    batch: int = 200
    at_once: int = 1
    poll_s: float = 1.0
    backoff: BackoffOptions = field(default_factory=lambda: BackoffOptions(min_s=0.05, max_s=5.0))


class Cursors(Protocol):
    """Where it is kept how far a sink has come; a `DecisionLog` is one."""

    async def cursor(self, sink: str) -> str | None:
        """Tell how far a sink has come; None for a sink never seen."""

    async def move(self, sink: str, position: str) -> None:
        """Record that a sink has confirmed everything up to this position."""


class Progress(Struct):
    """What one sink has done since the start; `position` is its cursor.

    `failing` is the reason while it does not take anything.
    """

    delivered: int = 0
    failures: int = 0
    position: str = ""
    failing: str = ""


async def drain(
    cursors: Cursors,
    sink: str,
    read: Callable[[str, int], Awaitable[Sequence[tuple[str, T]]]],
    deliver: Callable[[T], Awaitable[None]],
    *,
    wake: asyncio.Event,
    begin: Callable[[], Awaitable[None]] | None = None,
    options: OutboxOptions = OutboxOptions(),  # noqa: B008  # frozen
    progress: Progress | None = None,
) -> None:
    """Deliver until cancelled. Set `wake` after each commit; it belongs to this sink alone.

    `begin` runs first and again after each failure, before any entry: it brings the sink what stands now.
    Raises only what is not `Unavailable`.
    """
    done = progress if progress is not None else Progress()
    line = _Line(cursors, sink, read, deliver, wake, options, done)
    backoff = Backoff(options.backoff)
    begun = False
    try:
        while True:
            try:
                if not begun:
                    await line.begin(begin)
                    begun = True
                wake.clear()  # before reading, so that a commit in between is read by the next round
                more = await line.deliver_next()
            except Unavailable as error:
                begun = False
                done.failures += 1
                if not done.failing:
                    _log.warning("sink_unavailable", sink=sink, reason=str(error))
                done.failing = str(error) or type(error).__name__
                await asyncio.sleep(backoff.next())
                continue
            backoff.reset()
            done.failing = ""
            if not more:
                await _pause(wake, options.poll_s)
    finally:
        await line.end()


class _Line(Generic[T]):
    """One sink's place in the log: how far it has confirmed, and the cursor that follows."""

    def __init__(
        self,
        cursors: Cursors,
        sink: str,
        read: Callable[[str, int], Awaitable[Sequence[tuple[str, T]]]],
        deliver: Callable[[T], Awaitable[None]],
        wake: asyncio.Event,
        options: OutboxOptions,
        done: Progress,
    ) -> None:
        self._cursors = cursors
        self._sink = sink
        self._read = read
        self._deliver = deliver
        self._wake = wake
        self._options = options
        self._done = done
        self._reached = _START
        self._moving: asyncio.Task[None] | None = None
        self._moving_to = ""

    async def begin(self, bring: Callable[[], Awaitable[None]] | None) -> None:
        """Bring the sink what stands, and find out where to go on reading."""
        await self.end()
        position = await self._cursors.cursor(self._sink)
        known = position is not None
        if position is None:
            # The end is found before what stands is read: what is decided in between is delivered twice, never missed.
            position = _START
            while entries := await self._read(position, self._options.batch):
                position = entries[-1][0]
        if bring is not None:
            await bring()
        if not known:
            await self._cursors.move(self._sink, position)
        self._reached = self._done.position = position

    async def deliver_next(self) -> bool:
        """Deliver what the log holds next; False when it holds nothing."""
        entries = await self._read(self._reached, self._options.batch)
        waiting: deque[tuple[str, asyncio.Task[None]]] = deque()
        try:
            for position, entry in entries:
                if len(waiting) >= self._options.at_once:
                    await self._confirm(waiting)
                waiting.append((position, asyncio.create_task(self._one(entry), name=f"deliver-{self._sink}")))
            while waiting:
                await self._confirm(waiting)
        except Unavailable:
            # What it has confirmed is not sent again; what was on its way behind it is.
            await end([task for _, task in waiting], _END_S)
            await self._catch_up()
            raise
        finally:
            await end([task for _, task in waiting], _END_S)
        self._follow()
        return bool(entries)

    async def end(self) -> None:
        """Let go of a move that is under way."""
        moving, self._moving = self._moving, None
        if moving is not None:
            await end({moving}, _END_S)

    async def _one(self, entry: T) -> None:
        await self._deliver(entry)

    async def _confirm(self, waiting: deque[tuple[str, "asyncio.Task[None]"]]) -> None:
        position, task = waiting[0]
        await asyncio.wait({task})
        waiting.popleft()
        task.result()
        self._reached = position
        self._done.delivered += 1

    def _follow(self) -> None:
        """Let the cursor follow, one move at a time; the end of a move wakes the loop."""
        if self._moving is not None:
            if not self._moving.done():
                return
            moving, self._moving = self._moving, None
            moving.result()
            self._done.position = self._moving_to
        if self._reached != self._done.position:
            self._moving_to = self._reached
            move = self._cursors.move(self._sink, self._reached)
            self._moving = asyncio.ensure_future(move)
            self._moving.add_done_callback(lambda _: self._wake.set())

    async def _catch_up(self) -> None:
        await self.end()
        if self._reached != self._done.position:
            await self._cursors.move(self._sink, self._reached)
            self._done.position = self._reached


async def _pause(wake: asyncio.Event, within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            await wake.wait()
    except TimeoutError:
        return

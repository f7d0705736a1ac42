"""Brings a log's entries to a sink, in order and for certain: the cursor moves only after the sink's confirmation.

One loop for every sink: MQTT and Pub/Sub read decisions, notifiers read incidents. A sink that is away delays; what
it missed is in the log. A sink never seen before begins with what stands now and not with history.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import structlog
from msgspec import Struct, field

from agentwatch.backoff import Backoff, BackoffOptions
from agentwatch.errors import Unavailable

__all__ = ["Cursors", "OutboxOptions", "Progress", "drain"]

T = TypeVar("T")
_log = structlog.get_logger()
_START = "0-0"


class OutboxOptions(Struct, frozen=True, kw_only=True):
    """batch: entries read at once. poll_s: how often the log is read when nothing wakes the loop."""

    batch: int = 200
    poll_s: float = 1.0
    backoff: BackoffOptions = field(default_factory=lambda: BackoffOptions(min_s=0.05, max_s=5.0))


class Cursors(Protocol):
    """Where it is kept how far a sink has come; a `DecisionLog` is one."""

    async def cursor(self, sink: str) -> str | None:
        """Tell how far a sink has come; None for a sink never seen."""

    async def move(self, sink: str, position: str) -> None:
        """Record that a sink has confirmed everything up to this position."""


class Progress(Struct):
    """What one sink has done since the start; `failing` is the reason while it does not take anything."""

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
    backoff = Backoff(options.backoff)
    begun = False
    while True:
        try:
            if not begun:
                done.position = await _first(cursors, sink, read, begin, options)
                begun = True
            wake.clear()  # before reading, so that a commit in between is read by the next round
            if await _deliver_batch(cursors, sink, read, deliver, options, done):
                backoff.reset()
                done.failing = ""
                continue
            backoff.reset()
            done.failing = ""
        except Unavailable as error:
            begun = False
            done.failures += 1
            if not done.failing:
                _log.warning("sink_unavailable", sink=sink, reason=str(error))
            done.failing = str(error) or type(error).__name__
            await asyncio.sleep(backoff.next())
            continue
        await _pause(wake, options.poll_s)


async def _first(
    cursors: Cursors,
    sink: str,
    read: Callable[[str, int], Awaitable[Sequence[tuple[str, T]]]],
    begin: Callable[[], Awaitable[None]] | None,
    options: OutboxOptions,
) -> str:
    """Bring the sink what stands and tell where to go on reading."""
    position = await cursors.cursor(sink)
    known = position is not None
    if position is None:
        # The end is found before what stands is read: what is decided in between is delivered twice, never missed.
        position = _START
        while entries := await read(position, options.batch):
            position = entries[-1][0]
    if begin is not None:
        await begin()
    if not known:
        await cursors.move(sink, position)
    return position


async def _deliver_batch(
    cursors: Cursors,
    sink: str,
    read: Callable[[str, int], Awaitable[Sequence[tuple[str, T]]]],
    deliver: Callable[[T], Awaitable[None]],
    options: OutboxOptions,
    done: Progress,
) -> bool:
    """Deliver what the log holds next; False when it holds nothing."""
    entries = await read(done.position, options.batch)
    reached = done.position
    try:
        for position, entry in entries:
            await deliver(entry)
            reached = position
            done.delivered += 1
    finally:
        # Also when the sink fails in the middle: what it has confirmed is not sent again.
        if reached != done.position:
            await cursors.move(sink, reached)
            done.position = reached
    return bool(entries)


async def _pause(wake: asyncio.Event, within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            await wake.wait()
    except TimeoutError:
        return

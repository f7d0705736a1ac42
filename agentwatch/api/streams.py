"""Server-Sent Events: the command that stands for one agent, for its guard; decisions as they fall, for operators."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec
import structlog
from litestar import get
from litestar.handlers import BaseRouteHandler
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import Receive, Scope, Send

from agentwatch.api.asked import AskedLabel, AskedLevel, AskedPosition, LastEventId, WantedSubject
from agentwatch.api.asking import Asking, TheAsking, of_one_agent
from agentwatch.api.auth import Identity
from agentwatch.api.feed import Feed
from agentwatch.api.places import Places
from agentwatch.api.problems import told
from agentwatch.api.site import ApiRequest, Site, TheSite
from agentwatch.records import Command, Decision, Level

__all__ = ["EventStream", "handlers"]

_log = structlog.get_logger(__name__)
_HELLO = b"retry: 2000\n\n"
_KEEP_ALIVE = b": keep-alive\n\n"


class EventStream(ASGIStreamingResponse):
    """A stream that gives its place back and closes its generator however it ends."""

    def __init__(self, frames: AsyncGenerator[bytes, None], places: Places) -> None:
        super().__init__(
            iterator=frames,
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )
        self._frames = frames
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the generator ends or the client goes."""
        try:
            async with aclosing(self._frames):
                await super().__call__(scope, receive, send)
        finally:
            self._places.give_back()


@get(
    "/v1/stream/commands",
    dependencies=of_one_agent,
    opt={"roles": {"guard"}, "stream": True, "any_query": True},
    media_type="text/event-stream",
    responses=told(400, 401, 403, 503),
    tags=["guard"],
    summary="Follow the command that stands for one agent",
)
async def stream_commands(site: TheSite, request: ApiRequest, asking: TheAsking) -> EventStream:
    """Send `command` with what stands for the agent, and `clear` when nothing does; the present state comes first.

    Nothing can be missed by a reconnection: each event is the whole state, so no position is needed.
    """
    asking.standing(site)  # elsewhere is said before the stream begins
    site.command_places.take()
    return EventStream(_command_frames(site, asking, request.user), site.command_places)


async def _command_frames(site: Site, asking: Asking, caller: Identity) -> AsyncGenerator[bytes, None]:
    with site.wakes.listen(asking.tenant, asking.app) as woken:
        yield _HELLO
        told_of: tuple[str, int] | None = ("", -1)
        quiet_s = 0.0
        while not site.wakes.closing and site.admits(caller):
            woken.clear()
            command = asking.standing(site)
            now_of = (command.id, command.epoch) if command is not None else None
            if now_of != told_of:
                told_of, quiet_s = now_of, 0.0
                yield _command_frame(site.sign(command) if command is not None else None)
            elif quiet_s >= site.options.keepalive_s:
                quiet_s = 0.0
                yield _KEEP_ALIVE
            quiet_s += await _wait(woken, site.options.recheck_s)


async def _wait(woken: asyncio.Event, timeout_s: float) -> float:
    """Wait for the wake-up or the time-out, and answer how long that was, in seconds."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    try:
        async with asyncio.timeout(timeout_s):
            await woken.wait()
    except TimeoutError:
        return timeout_s
    return loop.time() - started


@get(
    "/v1/stream/decisions",
    opt={"roles": {"read"}, "stream": True},
    media_type="text/event-stream",
    responses=told(400, 401, 403, 503),
    tags=["decisions"],
    summary="Follow decisions as they are committed",
)
async def stream_decisions(
    site: TheSite,
    request: ApiRequest,
    tenant: AskedLabel = "",
    subject: WantedSubject = "",
    min_level: AskedLevel = "observe",
    after: AskedPosition = "",
    last_event_id: LastEventId = "",
) -> EventStream:
    """Send `decision` events whose `id` is the log position, from now on or after `Last-Event-ID` (or `after`).

    A reader that is too slow loses the oldest and is told how many by a `dropped` event. `problem` says why the
    stream ends, where the daemon knows it.
    """
    place = request.user
    wanted_tenant, least = place.tenant_of(tenant), Level[min_level]

    def wanted(decision: Decision) -> bool:
        return (
            place.covers(decision.tenant, decision.app)
            and (not wanted_tenant or decision.tenant == wanted_tenant)
            and (not subject or decision.subject == subject)
            and decision.level >= least
        )

    site.decision_places.take()
    ready = asyncio.Event()
    source = site.ports.decisions.watch(last_event_id or after)
    feed = Feed(source, wanted, site.options.limits.stream_queue, ready)
    return EventStream(_decision_frames(site, feed, ready, place), site.decision_places)


async def _decision_frames(
    site: Site, feed: Feed, ready: asyncio.Event, caller: Identity
) -> AsyncGenerator[bytes, None]:
    reader = asyncio.create_task(feed.run(), name="api-decision-feed")
    try:
        with site.wakes.join(ready):
            await asyncio.sleep(0)  # lets the reader begin, so that nothing after the greeting can be missed
            yield _HELLO
            quiet_s = 0.0
            while not site.wakes.closing:
                quiet_s += await _wait(ready, min(site.options.recheck_s, site.options.keepalive_s))
                if not site.admits(caller):
                    return
                if quiet_s >= site.options.keepalive_s:
                    quiet_s = 0.0
                    yield _KEEP_ALIVE
                ready.clear()
                taken, dropped = feed.take()
                if dropped:
                    yield _frame("dropped", {"count": dropped})
                quiet_s = 0.0 if taken else quiet_s
                for position, decision in taken:
                    yield _frame("decision", decision, position)
                if feed.ended:
                    if feed.error:
                        yield _frame("problem", {"detail": feed.error})
                    return
    finally:
        reader.cancel()
        await asyncio.wait({reader}, timeout=1.0)


def _frame(event: str, data: object, id: str = "") -> bytes:
    head = f"id: {id}\nevent: {event}\n" if id else f"event: {event}\n"
    return head.encode() + b"data: " + msgspec.json.encode(data) + b"\n\n"  # JSON holds no line break


def _command_frame(command: Command | None) -> bytes:
    if command is None:
        return _frame("clear", {})
    return _frame("command", command, str(command.epoch))


handlers: list[BaseRouteHandler] = [stream_commands, stream_decisions]

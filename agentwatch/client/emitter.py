"""The emitter: hands usage events over in the background, so that the agent never waits for agentwatch."""

import asyncio
import atexit
import os
import time
from collections import deque
from collections.abc import Callable
from secrets import token_hex
from threading import Condition, Thread
from types import TracebackType
from typing import Any, Self

import msgspec
from msgspec import Struct, field

from agentwatch.backoff import Backoff, BackoffOptions
from agentwatch.client.event_sinks import EventSink, HttpSink
from agentwatch.client.log import log
from agentwatch.client.private_prints import Privacy, with_prints
from agentwatch.errors import BadConfig, NotAdmitted, Unavailable
from agentwatch.records import Event

__all__ = ["Emitter", "EmitterOptions"]

_TEXTS = ("input", "output", "arguments", "result")


class EmitterOptions(Struct, frozen=True, kw_only=True):
    """Bounds of an emitter.

    max_events and max_text_bytes: what may wait; beyond it the oldest goes and is counted. batch: events sent at once.
    linger_s: how long a batch waits for more. timeout_s: of one exchange with the server. close_s: how long the end
    may take to send what is left. maxlen: cap of the stream, 0 leaves trimming to the daemon.
    """

    max_events: int = 10_000
    max_text_bytes: int = 32 << 20
    batch: int = 500
    linger_s: float = 0.02
    timeout_s: float = 2.0
    close_s: float = 2.0
    maxlen: int = 0
    backoff: BackoffOptions = field(default_factory=lambda: BackoffOptions(min_s=0.1, max_s=5.0))


class Emitter:
    """Queues events and sends them from a thread of its own; fits threads and asyncio alike.

    Give `redis_url`, or `http_url` with a producer's `token`. With a `privacy` key no text leaves the process, only
    fingerprints of it. Counters: `sent`, `dropped` (the queue was full), `invalid` (not a usage event), `refused`.
    """

    def __init__(
        self,
        *,
        redis_url: str = "",
        http_url: str = "",
        token: str = "",
        source: str = "",
        privacy: Privacy | None = None,
        options: EmitterOptions | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        if not redis_url and not http_url:
            raise BadConfig("give redis_url or http_url", "redis_url")
        self._options = options or EmitterOptions()
        self._redis_url = _checked(redis_url) if redis_url else ""
        self._http_url = http_url
        self._token = token
        self._source = source
        self._privacy = privacy
        self._wall = wall
        self._prefix = token_hex(6)
        self._number = 0
        self._queue: deque[tuple[Event | dict[str, Any], int]] = deque()
        self._text_bytes = 0
        self._unfinished = 0
        self._state = Condition()
        self._thread: Thread | None = None
        self._process = 0
        self._closing = False
        self._give_up_at = float("inf")
        self._trouble: Unavailable | None = None
        self.sent = 0
        self.dropped = 0
        self.invalid = 0
        self.refused = 0

    def emit(self, event: Event | None = None, **fields: Any) -> None:
        """Queue one event, given whole or by its fields. Returns at once, whatever the server does.

        Texts (`input`, `output`, `arguments`, `result`) that are no strings are written as JSON. `id`, `ts` and
        `source` are filled in. What is not a usage event is counted in `invalid` and logged, not raised.
        """
        item: Event | dict[str, Any] = fields if event is None else event
        try:
            size = _freeze_texts(fields) if event is None else sum(len(getattr(event, name) or "") for name in _TEXTS)
        except (TypeError, ValueError, msgspec.MsgspecError) as error:
            self._note_invalid(str(error))
            return
        with self._state:
            if self._closing:
                self.dropped += 1
                return
            if self._process != os.getpid():
                self._start()
            if event is None:
                fields.setdefault("id", f"{self._prefix}-{self._number}")
                fields.setdefault("ts", self._wall())
                self._number += 1
            while self._queue and (
                len(self._queue) >= self._options.max_events or self._text_bytes + size > self._options.max_text_bytes
            ):
                self._text_bytes -= self._queue.popleft()[1]
                self._unfinished -= 1
                self.dropped += 1
            self._queue.append((item, size))
            self._text_bytes += size
            self._unfinished += 1
            if len(self._queue) == 1:
                self._state.notify_all()

    def flush(self, within_s: float = 2.0) -> bool:
        """Wait until everything emitted so far is delivered or dropped; False where that takes longer."""
        with self._state:
            return self._state.wait_for(lambda: self._unfinished == 0, within_s)

    async def aflush(self, within_s: float = 2.0) -> bool:
        """Do as `flush` without holding the event loop up."""
        return await asyncio.to_thread(self.flush, within_s)

    def close(self) -> None:
        """Send what is left within `close_s`, count the rest as dropped, and end the thread."""
        with self._state:
            self._closing = True
            self._give_up_at = time.monotonic() + self._options.close_s
            thread, self._thread = self._thread, None
            self._state.notify_all()
        if thread is not None and self._process == os.getpid():
            atexit.unregister(self.close)
            thread.join(self._options.close_s + 2 * self._options.timeout_s)

    async def aclose(self) -> None:
        """Do as `close` without holding the event loop up."""
        await asyncio.to_thread(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _start(self) -> None:
        """Start the thread, in this process; what a parent had queued before a fork is the parent's to send."""
        self._queue.clear()
        self._text_bytes = self._unfinished = 0
        self._prefix = token_hex(6)
        self._process = os.getpid()
        self._thread = Thread(target=self._serve, name="agentwatch-emitter", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def _sink(self) -> EventSink:
        if not self._redis_url:
            return HttpSink(self._http_url, self._token, self._options.timeout_s)
        from agentwatch.client.redis_sink import RedisSink  # its driver is most of what a client loads

        return RedisSink(self._redis_url, self._options.timeout_s, self._options.maxlen)

    def _serve(self) -> None:
        sink = self._sink()
        backoff = Backoff(self._options.backoff)
        while batch := self._next_batch():
            if time.monotonic() >= self._give_up_at:
                self.dropped += len(batch)
            else:
                events, encoded = self._encode(batch)
                while events and not self._send(sink, events, encoded, backoff):
                    pass
            with self._state:
                self._unfinished -= len(batch)
                self._state.notify_all()
        sink.close()

    def _next_batch(self) -> list[Event | dict[str, Any]]:
        """Wait for events; an empty list at the end."""
        with self._state:
            self._state.wait_for(lambda: self._queue or self._closing)
            if not self._closing and len(self._queue) < self._options.batch:
                self._state.wait_for(lambda: self._closing, self._options.linger_s)
            taken = [self._queue.popleft() for _ in range(min(len(self._queue), self._options.batch))]
            self._text_bytes -= sum(size for _, size in taken)
            return [item for item, _ in taken]

    def _encode(self, batch: list[Event | dict[str, Any]]) -> tuple[list[Event], list[bytes]]:
        events: list[Event] = []
        for item in batch:
            try:
                event = self._complete(item)
                if self._privacy is not None:
                    event = with_prints(event, self._privacy)
            except (msgspec.ValidationError, TypeError, ValueError) as error:
                self._note_invalid(str(error))
            else:
                events.append(event)
        return events, [msgspec.json.encode(event) for event in events]

    def _complete(self, item: Event | dict[str, Any]) -> Event:
        if isinstance(item, dict):
            event = msgspec.convert(item, Event)
        else:
            missing: dict[str, Any] = {} if item.ts else {"ts": self._wall()}
            if not item.id:
                with self._state:
                    missing["id"] = f"{self._prefix}-{self._number}"
                    self._number += 1
            # Built by hand, an event may hold values of any type: what would be refused later is refused here.
            event = msgspec.convert(msgspec.to_builtins(item) | missing, Event)
        return event if event.source or not self._source else msgspec.structs.replace(event, source=self._source)

    def _send(self, sink: EventSink, events: list[Event], encoded: list[bytes], backoff: Backoff) -> bool:
        """Try once; True when the batch is done with, delivered or given up."""
        try:
            refused = sink.send(events, encoded)
        except Unavailable as error:
            self._note_trouble(error)
            with self._state:
                self._state.wait_for(lambda: self._closing, backoff.next())
                if not self._closing or time.monotonic() < self._give_up_at:
                    if self._closing:
                        self._state.wait(0.05)
                    return False
                self.dropped += len(events)
                return True
        backoff.reset()
        self._trouble = None
        self.refused += refused
        self.sent += len(events) - refused
        return True

    def _note_trouble(self, error: Unavailable) -> None:
        """Tell once why nothing is sent: a server that is away comes back, a token that is refused has to be mended."""
        if isinstance(error, NotAdmitted) and not isinstance(self._trouble, NotAdmitted):
            log.error("emitter_not_admitted", reason=str(error))
            self._trouble = error
        elif self._trouble is None:
            log.warning("emitter_server_away", reason=str(error))
            self._trouble = error

    def _note_invalid(self, reason: str) -> None:
        self.invalid += 1
        log.warning("emitter_event_invalid", reason=reason, invalid=self.invalid)


def _freeze_texts(fields: dict[str, Any]) -> int:
    """Write texts that are no strings as JSON, before the agent changes them; returns the texts' size."""
    size = 0
    for name in _TEXTS:
        value = fields.get(name)
        if value is not None and not isinstance(value, str):
            value = fields[name] = msgspec.json.encode(value).decode()
        size += len(value) if value else 0
    return size


def _checked(url: str) -> str:
    from agentwatch.client.redis_url import checked_redis_url  # its driver is most of what a client loads

    return checked_redis_url(url, "redis_url")

"""Where an emitter's batches go: the control API over HTTP, or what `redis_sink` has. Blocking."""

from collections.abc import Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from agentwatch.client.admission import not_taken
from agentwatch.client.http_session import Answered, HttpSession
from agentwatch.client.log import log
from agentwatch.errors import UNREADABLE
from agentwatch.records import Event

__all__ = ["EventSink", "HttpSink"]

_PARTLY_REFUSED = 422
_REFUSED_FOR_GOOD = frozenset({400, 413})


class EventSink(Protocol):
    """A way for batches of events to travel."""

    def send(self, events: Sequence[Event], encoded: Sequence[bytes]) -> int:
        """Deliver, confirmed; returns how many were refused for good. Raises `Unavailable` to be called again."""

    def close(self) -> None:
        """Let the connection go."""


class _PartlyRefused(Struct, frozen=True):
    """What a 422 tells: how many events were refused; the others were written."""

    errors_total: int = 0
    detail: str = ""


class HttpSink:
    """Posts batches as NDJSON to `/v1/events`."""

    def __init__(self, url: str, token: str, timeout_s: float) -> None:
        self._session = HttpSession(url, token, timeout_s)

    def send(self, events: Sequence[Event], encoded: Sequence[bytes]) -> int:
        """Deliver a batch. One that cannot be taken as a whole is halved until the event at fault is alone."""
        answer = self._session.request("POST", "/v1/events", b"\n".join(encoded) + b"\n", "application/x-ndjson")
        if answer.status < 300:
            return 0
        if answer.status == _PARTLY_REFUSED:
            return self._partly(answer, len(events))
        if answer.status not in _REFUSED_FOR_GOOD:
            raise not_taken(answer.status, answer.body, "events", "producer")
        if len(events) > 1:
            half = len(events) // 2
            return self.send(events[:half], encoded[:half]) + self.send(events[half:], encoded[half:])
        log.warning("emitter_event_refused", status=answer.status, reason=answer.body[:200].decode(errors="replace"))
        return 1

    def _partly(self, answer: Answered, count: int) -> int:
        try:
            told = msgspec.json.decode(answer.body, type=_PartlyRefused)
        except UNREADABLE:
            told = _PartlyRefused(errors_total=count)
        log.warning("emitter_events_refused", refused=told.errors_total, of=count, reason=told.detail)
        return told.errors_total

    def close(self) -> None:
        """Let the connection go."""
        self._session.close()

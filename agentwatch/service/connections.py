"""HTTP connections with bounds that uvicorn does not have: on their number, and on how long and large a head is."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from agentwatch.api.options import LimitOptions
from agentwatch.observe import metrics

__all__ = ["bounded_protocol"]

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)


class _BoundedProtocol(HttpToolsProtocol):
    """Closes a connection that is one too many, or whose request head is late or endless."""

    bounds = LimitOptions()
    _head_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_head = True
    _ended = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take the connection, or drop it when there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.bounds.connections:
            metrics().http_refused.labels("connections").inc()
            transport.abort()
            return
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes in, counting those of a head that is not complete yet."""
        if self._in_head and self._head_timer is None:
            self._arm()
        self._ended = False
        super().data_received(data)
        if self._in_head:
            self._head_bytes = 0 if self._ended else self._head_bytes + len(data)
            if self._head_bytes > self.bounds.head_bytes and not self.transport.is_closing():
                metrics().http_refused.labels("head_bytes").inc()
                self.transport.write(_TOO_LARGE)
                self.transport.close()

    def on_headers_complete(self) -> None:
        """Go on to the body."""
        self._disarm()
        self._in_head = False
        self._head_bytes = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Expect the next head."""
        super().on_message_complete()
        self._in_head = self._ended = True

    def _arm(self) -> None:
        self._head_timer = self.loop.call_later(self.bounds.head_timeout_s, self._head_is_late)

    def _disarm(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            metrics().http_refused.labels("slow_head").inc()
            self.transport.abort()


def bounded_protocol(limits: LimitOptions) -> type[Any]:
    """Make the protocol class for these limits: uvicorn builds its protocols itself and passes no options through."""
    return type("BoundedProtocol", (_BoundedProtocol,), {"bounds": limits})

"""The middleware around every handler: bounds on what is in flight, deadlines on bodies, content types, metrics."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPReceiveMessage, Message, Receive, Scope, Send

from agentwatch.api.options import LimitOptions
from agentwatch.api.problems import FieldProblem, Problem
from agentwatch.observe import metrics

__all__ = ["JSON_TYPES", "Bounds", "content_type"]

JSON_TYPES = frozenset({"application/json"})
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})
_SAFE_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)


def content_type(headers: Mapping[bytes, bytes]) -> str:
    """Name the media type of a request without its parameters, in lower case."""
    return headers.get(b"content-type", b"").split(b";", 1)[0].strip().lower().decode("latin-1")


class Bounds(ASGIMiddleware):
    """Counts what is in flight over all requests of this app, and refuses what would be too much.

    A handler's `opt` says what is different about it: `stream` (has its own bound and no duration), `always` (answers
    under load too), `content_types`, `body_optional`.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self, limits: LimitOptions) -> None:
        self._limits = limits
        self._in_flight = 0
        self._body_bytes = 0

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Let the request through, counted, or refuse it."""
        opt = scope["route_handler"].opt
        counted = not opt.get("stream")
        if counted and self._in_flight >= self._limits.in_flight and not opt.get("always"):
            metrics().http_refused.labels("in_flight").inc()
            raise Problem(503, "too many requests at once", kind="busy", headers={"Retry-After": "1"})
        _check_type(scope, opt)
        body = _Body(receive, self._limits, self, self._most(scope, opt))
        answer = _Answer(send)
        started = time.perf_counter()
        self._in_flight += counted
        metrics().http_in_flight.set(self._in_flight)
        try:
            await next_app(scope, body, answer)
        finally:
            self._in_flight -= counted
            self._body_bytes -= body.held
            self._measure(scope, answer.status, time.perf_counter() - started if counted else None)

    def _most(self, scope: Scope, opt: Mapping[str, Any]) -> int:
        most = self._limits.body_bytes if opt.get("events") else self._limits.control_body_bytes
        announced = dict(scope["headers"]).get(b"content-length", b"")
        if announced.isdigit() and int(announced) > most:
            raise _too_large(most)
        return most

    def hold(self, size: int) -> None:
        """Count body bytes that are kept for a request; refuse when all requests together hold too many."""
        if self._body_bytes + size > self._limits.bodies_bytes:
            metrics().http_refused.labels("bodies").inc()
            raise Problem(503, "too much is being received at once", kind="busy", headers={"Retry-After": "1"})
        self._body_bytes += size

    def _measure(self, scope: Scope, status: int, seconds: float | None) -> None:
        now = metrics()
        now.http_in_flight.set(self._in_flight)
        route = scope.get("path_template", "unknown")
        now.http_requests.labels(route, scope.get("method", ""), str(status or "none")).inc()
        if seconds is not None:
            now.http_seconds.labels(route).observe(seconds)


def _check_type(scope: Scope, opt: Mapping[str, Any]) -> None:
    if scope.get("method") not in _BODY_METHODS or opt.get("bodiless"):
        return
    headers = dict(scope["headers"])
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Problem(
            415,
            "send the body as it is, without Content-Encoding",
            errors=(FieldProblem(field="content-encoding", reason="not supported"),),
        )
    allowed = opt.get("content_types", JSON_TYPES)
    found = content_type(headers)
    if found not in allowed:
        wanted = " or ".join(sorted(allowed))
        raise Problem(
            415,
            f"send {wanted}",
            errors=(FieldProblem(field="content-type", reason=f"{found[:100] or 'nothing'} is not {wanted}"),),
        )


def _too_large(most: int) -> Problem:
    reason = f"longer than {most} bytes"
    metrics().http_refused.labels("body_bytes").inc()
    return Problem(413, reason, errors=(FieldProblem(field="", reason=reason),))


class _Body:
    """The request's body under one deadline, with its bytes counted until the request is answered."""

    def __init__(self, receive: Receive, limits: LimitOptions, bounds: Bounds, most: int) -> None:
        self._receive = receive
        self._deadline = asyncio.get_running_loop().time() + limits.body_timeout_s
        self._bounds = bounds
        self._most = most
        self._whole = False
        self.held = 0

    async def __call__(self) -> HTTPReceiveMessage:
        if self._whole:
            return await self._receive()  # type: ignore[return-value]  # waits for the disconnection
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            metrics().http_refused.labels("slow_body").inc()
            raise Problem(408, "the body did not arrive in time", headers={"Connection": "close"}) from None
        if message["type"] == "http.request":
            self._whole = not message.get("more_body", False)
            size = len(message["body"])
            if self.held + size > self._most:
                raise _too_large(self._most)
            self._bounds.hold(size)
            self.held += size
        return message  # type: ignore[return-value]  # only HTTP messages arrive in an HTTP scope


class _Answer:
    """The response: its status noted, and the headers added that every answer has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            present = {name.lower() for name, _ in message["headers"]}
            extra = [pair for pair in _SAFE_HEADERS if pair[0] not in present]
            message = {**message, "headers": [*message["headers"], *extra]}
        await self._send(message)

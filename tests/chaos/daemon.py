"""A real daemon in a process of its own, on given servers, quick to start and to find out that something is wrong."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests.chaos.forking import Forker, clean_environment

__all__ = ["Daemon"]

_CONFIG = """
state_dir = "{directory}/state"
[redis]
url = "{redis}"
seeds = {seeds}
timeout_s = 1.0
look_s = 0.1
lease_s = 3.0
appendfsync = "{appendfsync}"
embedded_port = {embedded_port}
[api]
enabled = false
[safe]
unclean_starts = {unclean_starts}
[worker]
batch = {batch}
block_s = 0.05
checkpoint_s = 0.1
checkpoint_fork_runs = 1
renew_s = 0.2
retry_s = 0.02
retry_max_s = 0.2
[mqtt]
url = "{mqtt}"
[mqtt.signal]
timeout_s = 1.0
[gate.breaker]
small_limit = 1000000
min_runs = 1000000
[gate.staleness]
max_age_s = 2592000.0
"""


class Daemon:
    """One life after the other; `lives` counts them. With a `forker` a life costs no imports."""

    def __init__(
        self,
        directory: Path,
        redis: str,
        *,
        mqtt: str = "",
        seeds: tuple[str, ...] = (),
        batch: int = 12,
        unclean_starts: int = 0,
        forker: Forker | None = None,
        appendfsync: str = "always",
        embedded_port: int = 0,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.log = directory / "daemon.log"
        self._forker = forker
        self._config = directory / "agentwatch.toml"
        named = {"directory": directory, "redis": redis, "mqtt": mqtt, "batch": batch}
        told = "[" + ", ".join(f'"{seed}"' for seed in seeds) + "]"
        served = {"appendfsync": appendfsync, "embedded_port": embedded_port}
        self._config.write_text(_CONFIG.format(**named, **served, seeds=told, unclean_starts=unclean_starts))
        self._process: subprocess.Popen[bytes] | None = None
        self.pid = 0
        self.lives = 0

    def start(self, *, fresh: bool = False, **environment: str) -> None:
        """Begin a life; `fresh` (and any environment) means `python -m agentwatch run` although there is a forker."""
        self.lives += 1
        if self._forker is not None and not fresh and not environment:
            self.pid = self._forker.start(self._config, self.log)
            return
        command = [sys.executable, "-m", "agentwatch", "run", "--config", str(self._config)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=clean_environment(environment))
        self.pid = self._process.pid

    def kill(self) -> None:
        """End it at whatever instruction it is; not waited for."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)

    def send(self, what: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, what)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it and wait; gives how it ended. It is killed where it does not end within half a minute."""
        if not self.pid:
            return 0
        with contextlib.suppress(ProcessLookupError):
            self.send(how)
        late = threading.Timer(30, self.kill)
        late.start()
        try:
            if self._process is not None:
                return self._process.wait()
            assert self._forker is not None
            return self._forker.wait(self.pid)
        finally:
            late.cancel()
            self._process, self.pid = None, 0

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        if self._process is not None:
            return self._process.poll() is None
        with contextlib.suppress(OSError):
            return bool(self.pid) and Path(f"/proc/{self.pid}/stat").read_text().split(")")[-1].split()[0] != "Z"
        return False

    def words(self) -> str:
        """Give the end of its log."""
        return self.log.read_text(errors="replace")[-4000:]

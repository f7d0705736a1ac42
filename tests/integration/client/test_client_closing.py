"""No connection to Redis outlives what it was for, in whatever moment its holder is cancelled: the server counts."""

import asyncio
import gc
import socket
import time

import pytest
import redis

from agentwatch.cancellation import end
from agentwatch.cli.root import call
from agentwatch.client import Guard
from agentwatch.connection import RedisOptions, connect
from agentwatch.nodes import Nodes


@pytest.fixture
def ours(valkey):
    """Tell which connections of ours the server has, besides those that were there before; nothing is left to luck."""
    client = redis.Redis.from_url(valkey)

    def listed() -> set[str]:
        return {one["id"] for one in client.client_list() if one["name"] == "agentwatch"}

    before = listed()
    gc.collect()
    gc.disable()  # it would close what was lost
    yield lambda: listed() - before
    gc.enable()
    client.close()


async def reached(true) -> None:
    deadline = time.monotonic() + 15
    while not true():
        assert time.monotonic() < deadline, "never reached"
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("again", [0, 1, 2, 3], ids="cancelled once more after {} turns".format)
async def test_a_guard_that_is_cancelled_at_any_moment_leaves_no_connection(valkey, ours, again):
    async def guarded() -> None:
        async with Guard("bot", app="crew", run="r1", redis=valkey):
            await asyncio.sleep(0.005)

    kept = []  # so that nothing is closed because nobody holds it any more
    for moment in range(40):
        task = asyncio.create_task(guarded())
        kept.append(task)
        await asyncio.sleep(moment * 0.0005)
        task.cancel()
        for _ in range(again):
            await asyncio.sleep(0)
        if again:
            task.cancel()
        await asyncio.wait({task})
    await reached(lambda: not ours())


async def test_clients_are_closed_even_where_their_closing_is_cancelled(valkey, ours):
    nodes = Nodes(valkey, RedisOptions())
    nodes._client(valkey.rpartition("/")[2])
    for client in (nodes._first, *nodes._clients.values()):
        await client.execute_command("PING")
    assert len(ours()) == 2
    closing = asyncio.create_task(nodes.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait({closing})
    await reached(lambda: not ours())


async def test_what_is_under_way_when_a_client_is_closed_ends_with_an_error_and_opens_nothing(valkey, ours):
    async def ask(client, number: int) -> None:
        if number % 3 == 0:
            await client.execute_command("XREAD", "BLOCK", "60000", "STREAMS", "nothing", "$")
        elif number % 3 == 1:
            while True:
                await client.execute_command("PING")
        while True:
            async with client.pipeline(transaction=True) as pipe:
                pipe.execute_command("PING")
                await pipe.execute()

    for moment in range(30):
        client = connect(valkey, RedisOptions())
        asking = [asyncio.create_task(ask(client, number)) for number in range(6)]
        await asyncio.sleep(moment * 0.0002)
        await client.aclose()
        done, late = await asyncio.wait(asking, timeout=10)
        assert not late
        assert {type(task.exception()) for task in done} == {redis.ConnectionError}
        with pytest.raises(redis.ConnectionError, match="closed"):
            await client.execute_command("PING")
    await reached(lambda: not ours())


async def test_a_connection_whose_server_reads_no_more_is_closed_at_once():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        client = connect(f"redis://127.0.0.1:{deaf.getsockname()[1]}", RedisOptions(timeout_s=0.2))
        client.connection_pool.connection_kwargs.update(client_name=None, driver_info=None)  # no greeting to wait for
        asking = asyncio.create_task(client.execute_command("SET", "a", b"x" * (64 << 20)))
        used = client.connection_pool._in_use_connections
        await reached(lambda: any(connection._writer for connection in used))
        (connection,) = used
        held = connection._writer.get_extra_info("socket")
        (done,), _ = await asyncio.wait({asking}, timeout=10)
        assert isinstance(done.exception(), redis.TimeoutError)
        await asyncio.sleep(0)
        assert held.fileno() == -1
        await client.aclose()


async def test_who_ends_others_waits_for_them_although_it_is_cancelled():
    slow_ends = asyncio.Event()
    ended = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            while not slow_ends.is_set():
                try:
                    await slow_ends.wait()
                except asyncio.CancelledError:
                    continue
            ended.append(True)

    task = asyncio.create_task(slow())
    await asyncio.sleep(0)
    ending = asyncio.create_task(end({task}, 30.0))
    for _ in range(3):
        await asyncio.sleep(0)
        ending.cancel()
    await asyncio.sleep(0)
    waits = not ending.done()
    slow_ends.set()
    await asyncio.wait({ending, task}, timeout=10)
    assert waits
    assert ending.cancelled()
    assert ended


def test_the_verb_that_emits_to_a_cluster_closes_its_connections(cluster, tmp_path):
    (tmp_path / "events.jsonl").write_text('{"agent": "bot"}\n')
    with redis.Redis.from_url(cluster) as client:
        before = {one["id"] for one in client.client_list()}
        gc.collect()
        gc.disable()
        try:
            assert call(["emit", "--redis", cluster, str(tmp_path / "events.jsonl")]) == 0
            assert {one["id"] for one in client.client_list()} <= before
        finally:
            gc.enable()

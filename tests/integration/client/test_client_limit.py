"""A throttled subject keeps to its limit as a whole, and cancellation reaches tasks that wait for Redis."""

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentwatch.cancellation import end, surely
from agentwatch.client import AgentKilled, Guard
from agentwatch.connection import RedisOptions, connect

_CALLS = 8
_AGENT = f"""
import sys, time
from agentwatch.client import ThreadGuard
with ThreadGuard("bot", app="crew", run=sys.argv[2], redis=sys.argv[1]) as guard:
    while guard.epoch < 1:
        time.sleep(0.01)
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range({_CALLS}):
        guard.check()
    print(time.monotonic())
"""


async def test_processes_share_one_limit(valkey, over_redis, command):
    async with over_redis(valkey) as side:
        await side.send(command("throttle", 1, subject="default/crew/agent/bot", limit=600.0))
        agents = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", _AGENT, valkey, f"r{n}",
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3],
            )
            for n in range(2)
        ]  # fmt: skip
        for agent in agents:
            assert await agent.stdout.readline() == b"ready\n"
        began = time.monotonic()  # the one clock of the machine
        ended = [float((await agent.communicate(b"go\n"))[0]) for agent in agents]
    # 10 a second for both together; each on its own would need half the time
    assert max(ended) - began >= (2 * _CALLS - 1) * 0.1 - 0.01


async def test_a_kill_reaches_an_agent_that_waits_for_its_turn(valkey, over_redis, command, until):
    async with over_redis(valkey) as side, Guard("bot", app="crew", run="r1", redis=valkey) as guard:
        await side.send(command("throttle", 1, limit=1.0))
        await until(lambda: guard.epoch == 1)
        await guard.check()
        held = asyncio.create_task(guard.check())
        await asyncio.sleep(0.05)
        await side.send(command("kill", 2))
        with pytest.raises(AgentKilled):
            await asyncio.wait_for(held, 30)  # its turn would be in a minute


async def test_a_cancelled_check_leaves_nothing_behind(valkey, over_redis, command, until):
    async with over_redis(valkey) as side, Guard("bot", app="crew", run="r1", redis=valkey) as guard:
        await side.send(command("pause", 1))
        await until(lambda: guard.epoch == 1)
        held = asyncio.create_task(guard.check())
        await asyncio.sleep(0.02)
        held.cancel()
        with pytest.raises(asyncio.CancelledError):
            await held
        await side.take_back("default/crew/run/r1", 2)
        await until(lambda: guard.at_ease)
        await guard.check()


async def test_cancellation_is_never_lost_in_a_call_to_redis(valkey):
    client = connect(valkey, RedisOptions())

    async def busy() -> None:
        while True:
            await client.execute_command("GET", "x")

    for _ in range(150):
        task = asyncio.create_task(busy())
        await asyncio.sleep(random.random() * 0.002)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=20)
        assert done
    await client.aclose()


async def test_a_task_that_loses_its_first_cancellation_is_ended_all_the_same():
    lost = []

    async def deaf() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if lost:
                    raise
                lost.append(True)

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    assert await end([task], 5.0)
    assert task.cancelled()


async def test_a_caller_that_is_cancelled_ends_what_it_waits_for():
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    task = asyncio.create_task(surely(work()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(ended.wait(), 20)
    assert await surely(asyncio.sleep(0, result=7)) == 7

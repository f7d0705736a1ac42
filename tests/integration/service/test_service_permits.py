"""Several partitions share the breaker's limits: never more kills than are allowed, whichever worker issues them."""

import asyncio
import contextlib
import time

import msgspec
import pytest
import redis.asyncio

from agentwatch.connection import RedisOptions, connect
from agentwatch.keys import META, keys, partition
from agentwatch.records import Decision, Level
from agentwatch.store.permits import PermitLimits, RedisPermits

LIMITS = PermitLimits(window_s=10.0, share=0.1, min_runs=50, small_limit=3, leap_s=60.0)
SCOPES = ("tenant:t", "rule:r")


@pytest.fixture
async def client(valkey):
    made = connect(valkey, RedisOptions())
    yield made
    await made.aclose()


def permits(client, index: int = 0, partitions: int = 2, **more: object) -> RedisPermits:
    return RedisPermits(client, index, partitions, msgspec.structs.replace(LIMITS, **more))


async def test_permits_are_shared_and_are_never_more_than_allowed(client):
    both = [permits(client, index) for index in (0, 1)]
    answers = await asyncio.gather(*(both[n % 2].reserve(f"s{n}", SCOPES) for n in range(20)))
    assert answers.count("") == 3
    assert {why for why in answers if why} == {"breaker tenant:t: 3 of 3 kills of all partitions are used"}
    kept = next(n for n, why in enumerate(answers) if not why)
    assert await both[1].reserve(f"s{kept}", SCOPES) == "", "a lost answer costs nothing"
    assert await both[0].reserve("other", ("tenant:u", "rule:x")) == ""
    assert "rule:r" in await both[0].reserve("third", ("tenant:u", "rule:r"))
    assert await both[0].reserve("third", ("tenant:u",)) == "", "what is refused in one scope is reserved in none"


async def test_the_share_is_that_of_all_partitions_runs(client):
    one, two = permits(client), permits(client, 1)
    await one.publish({"tenant:t": 40, "rule:r": 40})
    await two.publish({"tenant:t": 30, "rule:r": 30})
    answers = [await one.reserve(f"s{n}", SCOPES) for n in range(9)]
    assert answers.count("") == 7
    await two.publish({})
    assert "7 of 3" in await one.reserve("more", SCOPES)


async def test_a_permit_counts_for_its_window_of_time_that_somebody_saw(client):
    one = permits(client, window_s=0.2, leap_s=0.15)
    for n in range(3):
        assert await one.reserve(f"s{n}", SCOPES) == ""
    await asyncio.sleep(0.3)  # nobody sees this time: as if the clock had been set
    assert await one.reserve("s3", SCOPES) != ""
    deadline = time.monotonic() + 10
    while await one.reserve("s3", SCOPES):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def looping(app: str, run: str, count: int) -> list[bytes]:
    event = {
        "agent": run, "app": app, "run": run, "op": "execute_tool", "tool": "read", "arguments": "{}",
        "result": "the same again and again", "cost_usd": 0.1,
    }  # fmt: skip
    return [msgspec.json.encode({**event, "id": f"{run}/{at}", "ts": time.time()}) for at in range(count)]


async def test_a_daemon_with_two_partitions_kills_no_more_than_one_with_one(valkey, daemon, poll):
    async with redis.asyncio.Redis.from_url(valkey) as plain:
        await plain.hset(META, "partitions", "2")
        apps = [next(f"app{n}" for n in range(50) if partition("default", f"app{n}", 2) == index) for index in (0, 1)]
        async with daemon(valkey, "[gate.breaker]\nsmall_limit = 5\n"):
            for n in range(8):
                for index, app in enumerate(apps):
                    for data in looping(app, f"{app}-run{n}", 20):
                        await plain.xadd(keys(index).events, {"data": data})

            async def decided() -> list[Decision]:
                rows = [row for index in (0, 1) for row in await plain.xrange(keys(index).decisions)]
                return [msgspec.json.decode(fields[b"data"], type=Decision) for _, fields in rows]

            async def settled() -> bool:
                held = {d.subject for d in await decided() if d.gate == "breaker"}
                return len(held) >= 11

            await poll(settled)
            killed = {d.subject for d in await decided() if d.level is Level.kill and not d.gate}
            assert len(killed) == 5
            told = [row for index in (0, 1) for row in await plain.xrange(keys(index).incidents)]
            assert not any(b'"gate":"permit"' in fields[b"data"] for _, fields in told)
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(0)

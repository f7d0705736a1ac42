"""A whole daemon: start, readiness, reload, drain, and nothing left behind."""

import asyncio
import gc
import threading
import time
from pathlib import Path

import msgspec
import pytest
import redis.asyncio
from structlog.testing import capture_logs

from agentwatch.errors import Unavailable
from agentwatch.keys import keys
from agentwatch.service.lifecycle import Lifecycle
from agentwatch.service.settings import read_settings
from agentwatch.service.systemd import Notify

K = keys(0)


def looping(count: int) -> list[bytes]:
    event = {"agent": "bot", "run": "r1", "op": "execute_tool", "tool": "read", "arguments": "{}", "result": "again"}
    return [msgspec.json.encode({**event, "id": f"e{at}", "ts": time.time()}) for at in range(count)]


async def test_a_daemon_starts_on_any_port_is_ready_and_counts_itself(valkey, daemon, poll):
    async with daemon(valkey) as running:
        assert await running.ready() == 200
        assert running.lifecycle.wired.url.startswith("http://127.0.0.1:")
        await running.http.post("/v1/events", content=b"\n".join([*looping(20), looping(1)[0]]),
                                headers={"content-type": "application/x-ndjson"})  # fmt: skip

        async def counted() -> bool:
            return (await running.status())["events"] == 21

        await poll(counted)
        status = await running.status()
        assert status["standing"]["kill"] == 1
        assert status["standing"]["held_back"] == 0
        assert status["incidents_open"] == 1
        assert (await running.http.get("/v1/explain", params={"subject": "default/bot/run/r1"})).status_code in (
            200,
            404,
        )

        async def gauged() -> bool:
            return await running.metric('agentwatch_commands_standing{cmd="kill"}') == 1

        await poll(gauged)
        assert await running.metric("agentwatch_owner") == 1
        assert await running.metric("agentwatch_reload_success") == 1
        assert await running.metric('agentwatch_mode{mode="enforce"}') == 1
        assert await running.metric('agentwatch_tracked{scope="runs"}') == 1
        assert await running.metric("agentwatch_watchdog_timestamp_seconds") == pytest.approx(time.time(), abs=60)
        assert await running.metric('agentwatch_events_total{outcome="duplicate"}') == 1
        assert await running.metric('agentwatch_events_total{outcome="counted"}') == 20

        async def delivered() -> bool:
            return await running.metric('agentwatch_deliveries_total{outcome="ok",sink="redis"}') >= 1

        await poll(delivered)


async def test_it_is_unready_while_redis_is_away_and_ready_again_after(own_valkey, daemon, poll):
    async with daemon(own_valkey.url) as running:
        assert await running.ready() == 200
        await own_valkey.kill()

        async def unready() -> bool:
            return await running.ready() == 503

        await poll(unready)
        problem = (await running.http.get("/readyz")).json()
        assert any(error["field"] == "store" for error in problem["errors"])
        assert (await running.http.get("/healthz")).status_code == 200
        await own_valkey.start()

        async def ready() -> bool:
            return await running.ready() == 200

        await poll(ready)
        assert running.lifecycle._ended is not None
        assert not running.lifecycle._ended.done()


async def test_it_says_that_the_broker_is_away_also_while_nothing_is_to_be_told(valkey, daemon, poll, own_broker):
    own_broker.stop()
    timings = "[mqtt.signal]\ntimeout_s = 2.0\nretry_s = 0.05\nretry_max_s = 0.1\n"
    with capture_logs() as logged:
        async with daemon(valkey, f'[mqtt]\nurl = "{own_broker.url}"\n{timings}') as running:

            async def ready(expected: int) -> bool:
                return await running.ready() == expected

            problem = (await running.http.get("/readyz")).json()
            assert [error["field"] for error in problem["errors"]] == ["sink mqtt"]
            assert (await running.http.get("/v1/decision?agent=bot")).status_code == 200
            await asyncio.to_thread(own_broker.start)
            await poll(lambda: ready(200))
            await asyncio.to_thread(own_broker.stop)
            await poll(lambda: ready(503))
            await asyncio.to_thread(own_broker.start)
            await poll(lambda: ready(200))
    told = [entry["event"] for entry in logged if entry["event"] in ("mqtt_awaited", "mqtt_connected", "mqtt_lost")]
    assert told == ["mqtt_awaited", "mqtt_connected", "mqtt_lost", "mqtt_connected"]


async def test_a_ledger_that_cannot_be_kept_is_told_and_keeps_nobody_from_being_stopped(valkey, daemon, poll):
    day = time.strftime("%Y-%m-%d", time.gmtime())
    async with redis.asyncio.from_url(valkey, protocol=2) as client:
        await client.set(K.ledger(day), "not ours")
        async with daemon(valkey, "renew_s = 0.05\n") as running:

            async def sent(count: int) -> None:
                await running.http.post("/v1/events", json=[msgspec.json.decode(raw) for raw in looping(count)])

            async def unsettled(expected: float) -> bool:
                return await running.metric("agentwatch_ledgers_unsettled") == expected

            await sent(20)
            await poll(lambda: unsettled(1))
            problem = (await running.http.get("/readyz")).json()
            assert problem["errors"] == [
                {"field": "ledger", "reason": f"{K.ledger(day)} is a string, not a hash; what is owed to it is kept"}
            ]
            assert (await running.status())["standing"]["kill"] == 1
            assert await client.get(K.ledger(day)) == b"not ours"
            await client.delete(K.ledger(day))
            await poll(lambda: unsettled(0))
            assert await running.ready() == 200
            await client.rename(K.ledger(day), "aside")
            await client.set(K.ledger(day), "not ours")
        assert await client.get(K.owner) is None  # also then the lease is given back
        assert await client.hget("aside", "default||bot|bot||events") == b"20"


async def test_it_waits_for_a_redis_that_comes_up_later(own_valkey, daemon):
    await own_valkey.stop()
    running = daemon(own_valkey.url)
    starting = asyncio.create_task(running.__aenter__())
    await asyncio.wait({starting}, timeout=0.3)
    assert not starting.done()
    await own_valkey.start()
    await asyncio.wait_for(starting, 15)
    assert await running.ready() == 200
    await running.__aexit__()


async def test_a_stop_while_it_waits_for_redis_ends_it(own_valkey, daemon):
    await own_valkey.stop()
    running = daemon(own_valkey.url)
    starting = asyncio.create_task(running.lifecycle.start())
    await asyncio.wait({starting}, timeout=0.2)
    starting.cancel()
    await asyncio.wait({starting})
    with capture_logs() as told:
        await running.lifecycle.stop()
    assert [line["event"] for line in told] == ["daemon_stopped"], "nothing was waited for in vain"


async def test_a_reload_swaps_the_policy_and_keeps_the_state(valkey, daemon, poll):
    async with daemon(valkey) as running:
        await running.http.post("/v1/events", content=b"\n".join(looping(20)),
                                headers={"content-type": "application/x-ndjson"})  # fmt: skip

        async def stands() -> bool:
            return (await running.status())["standing"].get("kill") == 1

        await poll(stands)
        before = await running.status()
        reload = running.lifecycle.reloader.reload

        running.policy.write_text('[defaults]\nmode = "sometimes"\n')
        assert reload() is False
        status = await running.status()
        assert status["policy_digest"] == before["policy_digest"]
        assert status["last_reload"].startswith("refused: ")
        assert "policy.toml: defaults.mode" in status["last_reload"]
        assert await running.metric('agentwatch_reloads_total{outcome="refused"}') == 1
        assert await running.metric("agentwatch_reload_success") == 0

        running.policy.write_text('[defaults]\nmode = "observe"\n[[rules]]\nname = "new"\nmatch.agent = "x"\n')
        assert reload() is True
        status = await running.status()
        assert status["policy_digest"] != before["policy_digest"]
        assert (status["rules"], status["last_reload"]) == (2, "loaded")
        assert status["standing"]["kill"] == 1
        assert status["events"] == 20
        assert await running.metric("agentwatch_reload_success") == 1
        assert running.lifecycle.wired.make().rulebook.policy.digest == status["policy_digest"]


async def test_what_only_a_restart_takes_over_is_named_until_then(valkey, daemon):
    async with daemon(valkey) as running:
        text = running.config.read_text()
        running.config.write_text(text.replace("block_s = 0.05", "block_s = 0.06") + "[ladder]\ncalm_events = 5\n")
        for _ in range(2):
            assert running.lifecycle.reloader.reload() is True
            assert (await running.status())["last_reload"] == "loaded; worker wait for a restart"
        assert running.lifecycle.wired.rulebook.get("default").ladder.calm_events == 5
        running.config.write_text(text.replace("port = 0", "port = 1"))
        assert running.lifecycle.reloader.reload() is True
        assert (await running.status())["last_reload"] == "loaded; api wait for a restart"
        running.config.write_text(text + "[worker\n")
        assert running.lifecycle.reloader.reload() is False
        running.config.unlink()
        assert running.lifecycle.reloader.reload() is False
        assert (await running.status())["last_reload"].startswith(f"refused: {running.config}")


async def test_what_is_decided_at_the_end_is_delivered_and_checkpointed(valkey, daemon, poll):
    client = redis.asyncio.Redis.from_url(valkey)
    async with daemon(valkey) as running:
        worker = running.lifecycle.wired.worker
        for data in looping(20):
            await client.xadd(K.events, {"data": data})
        await poll(lambda: worker.pipeline.positions.index == 20)
    seq = worker.pipeline.positions.seq
    assert await client.get(K.cursor("redis")) == f"{seq}-0".encode()
    assert await client.exists(K.checkpoint)
    assert not await client.exists(K.owner)
    await client.aclose()


async def test_a_part_that_ends_by_itself_ends_the_daemon(valkey, daemon):
    async with daemon(valkey) as running:
        running.lifecycle.wired.worker.stop()
        with pytest.raises(Exception, match="worker ended"):
            await asyncio.wait_for(running.lifecycle.wait(), 10)


async def test_a_port_in_use_is_refused_by_name(valkey, daemon):
    async with daemon(valkey) as running:
        port = running.lifecycle.wired.url.rpartition(":")[2]
        other = daemon(valkey, "")
        other.config.write_text(other.config.read_text().replace("port = 0", f"port = {port}"))
        running.lifecycle.wired.worker.stop()  # one partition, one worker
        second = Lifecycle(read_settings(other.config, {}), Notify({}))
        with pytest.raises(Unavailable, match=r"api\.port"):
            await second.start()
        await second.stop()


def counts() -> tuple[int, int, int]:
    gc.collect()
    return len(asyncio.all_tasks()), threading.active_count(), len([*Path("/proc/self/fd").iterdir()])


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="there is no list of open files here")
async def test_twenty_starts_and_stops_leave_nothing_behind(valkey, daemon):
    async def once() -> None:
        async with daemon(valkey) as running:
            await running.ready()

    for _ in range(3):
        await once()
    await asyncio.sleep(0)
    tasks, threads, files = counts()
    for _ in range(20):
        await once()
    await asyncio.sleep(0)
    after = counts()
    assert after[0] <= tasks
    assert after[1] <= threads + 2  # the loop's own pool of threads fills up as it is used
    assert after[2] <= files

"""A whole daemon that watches itself: crash loops, canaries through real guards, and the heartbeat."""

import json
import time

from agentwatch.records import CANARY_TENANT


def canary_of(running):
    """The canary of the first partition."""
    (run,) = [run for name, run in running.lifecycle.wired.seats.held[0].tasks if name == "canary"]
    return run.__self__


async def crash_loop(tmp_path, count: int) -> None:
    (tmp_path / "starts-auto.json").write_text(json.dumps([time.time() - 10 * at for at in range(count, 0, -1)]))


async def test_a_daemon_that_crashed_three_times_starts_safe_and_says_so(valkey, daemon, poll, tmp_path):
    await crash_loop(tmp_path, 3)
    async with daemon(valkey) as running:

        async def safe() -> bool:
            return (await running.status())["safe_mode"] != ""

        await poll(safe)
        status = await running.status()
        assert (status["mode"], status["safe_mode"]) == ("observe", "safe mode: 3 unclean starts within 300 s")

        async def gauged() -> bool:
            return await running.metric("agentwatch_safe_mode") == 1

        await poll(gauged)
        assert status["incidents_open"] == 1
        listed = (await running.http.get("/v1/incidents")).json()["incidents"]
        assert [(one["kind"], one["state"]) for one in listed] == [("safe_mode", "opened")]
        body = {"mode": "enforce", "author": "olivia", "reason": "found why"}
        assert (await running.http.put("/v1/mode", json=body)).status_code == 200
        status = await running.status()
        assert (status["mode"], status["safe_mode"]) == ("enforce", "")
    assert json.loads((tmp_path / "starts-auto.json").read_text()) == []


async def test_safe_mode_ends_by_itself_after_a_clean_time(valkey, daemon, poll, tmp_path):
    await crash_loop(tmp_path, 4)
    async with daemon(valkey, "[safe]\nclean_s = 1.0\n") as running:

        async def over() -> bool:
            status = await running.status()
            return status["safe_mode"] == "" and json.loads((tmp_path / "starts-auto.json").read_text()) == []

        await poll(over)
        assert (await running.status())["mode"] == "enforce"


async def test_a_start_that_did_not_end_is_remembered(valkey, daemon, tmp_path):
    async with daemon(valkey):
        assert len(json.loads((tmp_path / "starts-auto.json").read_text())) == 1


async def test_a_canary_is_killed_through_a_real_guard_and_touches_no_account(valkey, daemon, poll):
    more = '[gate]\nmode = "observe"\n[canary]\nevery_s = 0.2\ndeadline_s = 20\n'
    async with daemon(valkey, more) as running:

        async def killed() -> bool:
            return await running.metric('agentwatch_canaries_total{outcome="killed"}') >= 1

        await poll(killed)
        status = await running.status()
        assert status["canary"].startswith("killed after ")
        assert (status["cost_today_nusd"], status["incidents_open"], status["breakers"]) == (0, 0, [])
        assert [part["ok"] for part in status["components"] if part["name"] == "canary"] == [True]
        assert await running.metric("agentwatch_canary_kill_duration_seconds_count") >= 1
        assert (await running.http.get("/v1/agents")).json() == []
        page = (await running.http.get("/v1/decisions", params={"tenant": CANARY_TENANT})).json()
        assert {d["rule"] for d in page["decisions"]} == {CANARY_TENANT}


async def test_a_canary_over_the_broker_must_be_killed_there_too(valkey, daemon, poll, broker):
    more = f'[mqtt]\nurl = "{broker.url}"\n[canary]\nevery_s = 0.2\ndeadline_s = 20\n'
    async with daemon(valkey, more) as running:

        async def killed() -> bool:
            return await running.metric('agentwatch_canaries_total{outcome="killed"}') >= 1

        await poll(killed)
        assert set(canary_of(running)._paths) == {"redis", "mqtt"}


async def test_a_canary_that_lives_alarms_everywhere_and_is_over_when_one_is_killed(valkey, daemon, poll):
    more = "[canary]\nevery_s = 0.1\ndeadline_s = 1.0\n[gate.staleness]\nmax_lag = 1\n"
    async with daemon(valkey, more) as running:
        canary = canary_of(running)
        put, canary._put = canary._put, lost  # its calls reach nobody

        async def alarmed() -> bool:
            return await running.metric('agentwatch_canaries_total{outcome="lives"}') >= 1

        await poll(alarmed)
        assert await running.ready() == 503
        status = await running.status()
        assert "not killed within 1 s over redis" in status["canary"]

        async def told() -> bool:
            return bool(running.lifecycle.wired.worker.pipeline.ledgers.ourselves.open())

        await poll(told)
        canary._options = type(canary._options)(every_s=0.1, deadline_s=20.0)
        canary._put = put

        async def over() -> bool:
            return not running.lifecycle.wired.worker.pipeline.ledgers.ourselves.open()

        await poll(over)
        assert await running.ready() == 200


async def lost(_data: bytes) -> None:
    """Take an event and lose it."""


async def test_nobody_else_may_be_of_the_canarys_tenant(valkey, daemon):
    async with daemon(valkey) as running:
        event = {"agent": "bot", "tenant": CANARY_TENANT}
        answer = (await running.http.post("/v1/events", json=event)).json()
        assert "reserved" in json.dumps(answer)

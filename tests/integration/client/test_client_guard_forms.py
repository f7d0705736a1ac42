"""Each form of the guard stops its agent when it is told of the decision, over Redis alone and over MQTT alone."""

import asyncio
import threading
import time

import pytest

from agentwatch.client import AgentKilled, Guard, GuardOptions, ThreadGuard

ROOT = "default/crew/root/r1"
RUN = "default/crew/run/r1"
AT_ONCE_S = 20.0  # generous, since machines are busy, and yet before a guard looks by itself
TOLD = GuardOptions(poll_s=120.0, mqtt_keepalive_s=120)


async def checked_until_stopped(guard: Guard) -> None:
    while True:
        await guard.check()
        await asyncio.sleep(0.005)


async def test_check_raises_when_a_kill_is_told(side, command, states):
    async with Guard("bot", app="crew", run="r1", options=TOLD, **side.paths) as guard:
        await guard.check()
        await side.send(command("kill", 1))
        sent = time.monotonic()
        with pytest.raises(AgentKilled) as raised:
            await checked_until_stopped(guard)
        assert time.monotonic() - sent < AT_ONCE_S
        assert (raised.value.subject, raised.value.reason, raised.value.epoch) == (RUN, "the same again", 1)
        answered = await states(side, "d1", ["received", "accepted", "effective"])
    assert {(a.agent, a.run, a.root_run, a.app, a.tenant) for a in answered} == {("bot", "r1", "r1", "crew", "default")}


async def test_a_running_task_is_cancelled_at_a_kill(side, command, states):
    cleaned = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append(True)

    async with Guard("bot", app="crew", run="r1", options=TOLD, **side.paths) as guard:
        running = asyncio.create_task(guard.run(work()))
        await asyncio.sleep(0)
        await side.send(command("kill", 1))
        sent = time.monotonic()
        with pytest.raises(AgentKilled):
            await running
        assert time.monotonic() - sent < AT_ONCE_S
        assert cleaned
        await states(side, "d1", ["received", "accepted", "effective"])


async def test_a_block_is_cancelled_at_a_kill_of_the_whole_tree(side, command, states):
    async with Guard("bot", app="crew", run="child", root_run="r1", options=TOLD, **side.paths) as guard:

        async def block() -> None:
            async with guard.cancelling():
                await asyncio.sleep(60)

        running = asyncio.create_task(block())
        await asyncio.sleep(0)
        await side.send(command("kill", 1, subject=ROOT))
        sent = time.monotonic()
        with pytest.raises(AgentKilled):
            await running
        assert time.monotonic() - sent < AT_ONCE_S
        assert not running.cancelled()
        await states(side, "d1", ["received", "accepted", "effective"])


async def test_a_thread_is_stopped_at_a_kill(side, command, states):
    stopped_at: list[float] = []
    started = threading.Event()
    told = []

    def agent() -> None:
        with ThreadGuard("bot", app="crew", run="r1", on_kill=told.append, options=TOLD, **side.paths) as guard:
            try:
                while True:
                    guard.check()
                    started.set()
                    guard.stopping.wait(0.005)
            except AgentKilled:
                stopped_at.append(time.monotonic())
                assert guard.stopping.is_set()

    thread = threading.Thread(target=agent)
    thread.start()
    await asyncio.to_thread(started.wait, 10)
    await side.send(command("kill", 1))
    sent = time.monotonic()
    await asyncio.to_thread(thread.join, 10)
    assert stopped_at[0] - sent < AT_ONCE_S
    assert [c.id for c in told] == ["d1"]
    await states(side, "d1", ["received", "accepted", "effective"])


async def test_a_pause_holds_until_it_is_taken_back(side, command, states, until):
    async with Guard("bot", app="crew", run="r1", options=TOLD, **side.paths) as guard:
        await side.send(command("pause", 1))
        await until(lambda: guard.epoch == 1)
        held = asyncio.create_task(guard.check())
        await states(side, "d1", ["received", "accepted", "effective"])
        assert not held.done()
        await side.take_back(RUN, 2)
        sent = time.monotonic()
        await held
        assert time.monotonic() - sent < AT_ONCE_S
        assert await side.acks() == await states(side, "d1", ["received", "accepted", "effective"])


async def test_a_pause_ends_with_its_lease(side, command, until):
    async with Guard("bot", app="crew", run="r1", options=TOLD, **side.paths) as guard:
        began = time.monotonic()
        await side.send(command("pause", 1, ttl_s=2.0))
        await until(lambda: guard.epoch == 1)
        await guard.check()
        assert 1.9 < time.monotonic() - began < AT_ONCE_S


async def test_a_kill_ends_a_pause(side, command, until):
    async with Guard("bot", app="crew", run="r1", **side.paths) as guard:
        await side.send(command("pause", 1))
        await until(lambda: guard.epoch == 1)
        held = asyncio.create_task(guard.check())
        await side.send(command("kill", 2, subject="default/crew/agent/bot"))
        with pytest.raises(AgentKilled):
            await held


async def test_a_throttle_keeps_to_its_calls_a_minute(side, command, states, until):
    async with Guard("bot", app="crew", run="r1", **side.paths) as guard:
        await side.send(command("throttle", 1, limit=600.0))
        await until(lambda: guard.epoch == 1)
        began = time.monotonic()
        for _ in range(6):
            await guard.check()
        assert 0.49 < time.monotonic() - began < AT_ONCE_S
        await states(side, "d1", ["received", "accepted", "effective"])


async def test_new_run_under_a_standing_kill_never_begins(side, command):
    await side.send(command("kill", 1, subject="default/crew/task/bot+nightly"))
    async with Guard("bot", app="crew", run="r2", task="nightly", **side.paths) as guard:
        with pytest.raises(AgentKilled):
            await guard.check()
    async with Guard("bot", app="crew", run="r3", task="other", **side.paths) as guard:
        await guard.check()


async def test_a_whole_tenant_and_a_whole_app_can_be_paused(side, command, until):
    for epoch, subject in ((1, "default"), (2, "default/crew")):
        await side.send(command("pause", epoch, subject=subject))
        async with Guard("bot", app="crew", run="r1", **side.paths) as guard:
            await until(lambda guard=guard, epoch=epoch: guard.epoch >= epoch)
            held = asyncio.create_task(guard.check())
            await side.take_back(subject, epoch + 10)
            await held

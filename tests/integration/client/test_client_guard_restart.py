"""Servers that go away and come back between the start of a guard and the decision."""

import asyncio
import time

import pytest

from agentwatch.client import AgentKilled, AgentStopped, Guard, GuardOptions, ThreadGuard

RUN = "default/crew/run/r1"
URGENT = GuardOptions(fail="closed", fail_after_s=0.3)


async def checked_until_stopped(guard: Guard) -> None:
    while True:
        await guard.check()
        await asyncio.sleep(0.005)


async def stopped(guard: Guard) -> None:
    with pytest.raises(AgentKilled):
        async with asyncio.timeout(20):
            await checked_until_stopped(guard)


async def test_a_kill_decided_after_redis_was_restarted(own_valkey, over_redis, command):
    async with over_redis(own_valkey.url) as side, Guard("bot", app="crew", run="r1", redis=own_valkey.url) as guard:
        await guard.check()
        await own_valkey.stop()
        await guard.check()
        await own_valkey.start()
        await side.send(command("kill", 1))
        await stopped(guard)


async def test_a_kill_decided_after_redis_was_killed_with_a_thread_guard(own_valkey, over_redis, command):
    async with over_redis(own_valkey.url) as side:
        with ThreadGuard("bot", app="crew", run="r1", redis=own_valkey.url) as guard:
            guard.check()
            await own_valkey.kill()
            guard.check()
            await own_valkey.start()
            await side.send(command("kill", 1))
            assert await asyncio.to_thread(guard.stopping.wait, 20)
            with pytest.raises(AgentKilled):
                guard.check()


async def test_a_kill_decided_after_the_broker_was_restarted(own_broker, over_mqtt, command, until):
    async with over_mqtt(own_broker.url) as side, Guard("bot", app="crew", run="r1", mqtt=own_broker.url) as guard:
        await guard.check()
        own_broker.stop()
        await until(lambda: not side.signal.connected)
        await guard.check()
        own_broker.start()
        sending = asyncio.create_task(side.send(command("kill", 1)))
        await stopped(guard)
        await sending


async def test_a_kill_decided_while_the_broker_was_away_arrives(own_broker, over_mqtt, command, until, states):
    async with over_mqtt(own_broker.url) as side, Guard("bot", app="crew", run="r1", mqtt=own_broker.url) as guard:
        own_broker.stop()
        await until(lambda: not side.signal.connected)
        sending = asyncio.create_task(side.send(command("kill", 1)))
        await asyncio.sleep(0)
        own_broker.start()
        await sending
        await stopped(guard)
        await states(side, "d1", ["received", "accepted", "effective"])


async def test_a_broker_that_forgot_everything_is_told_again(own_broker, over_mqtt, command, until):
    async with over_mqtt(own_broker.url) as side:
        await side.send(command("kill", 1))
        own_broker.stop()
        own_broker.start()
        await until(lambda: not side.signal.connected)
        await until(lambda: side.signal.connected)
        async with Guard("bot", app="crew", run="r1", mqtt=own_broker.url) as guard:
            with pytest.raises(AgentKilled):
                await guard.check()


async def test_a_resume_missed_while_away_is_made_up_for(own_broker, over_mqtt, command, until):
    async with Guard("bot", app="crew", run="r1", mqtt=own_broker.url) as guard:
        async with over_mqtt(own_broker.url) as side:
            await side.send(command("pause", 1))
            await until(lambda: guard.epoch == 1)
        held = asyncio.create_task(guard.check())
        own_broker.stop()  # and with it what it retained
        own_broker.start()
        await asyncio.sleep(0)
        assert not held.done()  # the daemon has not said yet that all is told
        async with over_mqtt(own_broker.url):
            await asyncio.wait({held}, timeout=20)
        assert held.done()


async def test_mqtt_carries_a_kill_while_redis_is_away(own_valkey, broker, over_mqtt, command):
    async with (
        over_mqtt(broker.url) as side,
        Guard("bot", app="crew", run="r1", redis=own_valkey.url, mqtt=broker.url) as guard,
    ):
        await own_valkey.stop()
        await side.send(command("kill", 1))
        await stopped(guard)
        await own_valkey.start()
        deadline = time.monotonic() + 20
        while guard.stopped:  # the control key, which says nothing, decides again
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        await guard.check()


async def test_the_control_key_decides_against_a_stale_retained_command(valkey, broker, over_mqtt, command, until):
    async with over_mqtt(broker.url) as side:
        await side.send(command("kill", 1))
        async with Guard("bot", app="crew", run="r1", redis=valkey, mqtt=broker.url) as guard:
            await until(lambda: guard.epoch == 1)
            await guard.check()


async def test_failing_open_lets_the_agent_go_on(own_valkey):
    await own_valkey.stop()
    options = GuardOptions(fail="open", fail_after_s=0.0)
    async with Guard("bot", app="crew", run="r1", redis=own_valkey.url, options=options) as guard:
        await guard.check()


async def test_failing_closed_stops_the_agent_until_the_path_is_back(own_valkey, until):
    async with Guard("bot", app="crew", run="r1", redis=own_valkey.url, options=URGENT) as guard:
        await guard.check()
        await own_valkey.stop()
        with pytest.raises(AgentStopped):
            await checked_until_stopped(guard)
        await own_valkey.start()
        await until(lambda: guard.at_ease)
        await guard.check()


async def test_failing_closed_waits_for_the_first_word_and_then_stops(own_valkey):
    await own_valkey.stop()
    made = ThreadGuard("bot", app="crew", run="r1", redis=own_valkey.url, options=URGENT)
    with made as guard, pytest.raises(AgentStopped):
        await asyncio.wait_for(asyncio.to_thread(guard.check), 20)

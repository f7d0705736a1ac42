"""Signed commands over real servers: who can write to Redis or to the broker still stops nobody."""

import asyncio

import msgspec
import pytest
from msgspec.structs import replace

from agentwatch.act.signal_mqtt import MqttSignal
from agentwatch.broker import BrokerMessage, broker_address, connect
from agentwatch.client import AgentKilled, Guard, ThreadGuard
from agentwatch.service.signing import Signer, new_private_key, read_private_key
from agentwatch.topics import command_topic

PEM, PUBLIC = new_private_key()
SIGNER = Signer(read_private_key(PEM.decode()))
RUN, OTHER = "default/crew/run/r1", "default/crew/run/r2"
WHO = {"agent": "bot", "app": "crew", "run": "r1", "command_keys": PUBLIC}


async def test_over_redis_only_what_was_signed_for_this_run_stops_it(valkey, over_redis, command, states, until):
    async with over_redis(valkey) as side, Guard(**WHO, **side.paths) as guard:
        unsigned = command("kill", 1)
        await side.send(unsigned)
        await states(side, "d1", ["refused"])
        await guard.check()
        other = SIGNER.command(command("kill", 2, OTHER))
        await side.client.set(side.keys.control(RUN), msgspec.json.encode(other))  # copied into this run's key
        await side.signal.send(unsigned)
        kill = SIGNER.command(command("kill", 5))
        longer = replace(kill, id="d5x", expires_at=kill.expires_at + 1e6)
        await side.send(longer)
        await states(side, "d5x", ["refused"])
        await guard.check()
        await side.send(kill)
        await until(lambda: guard.stopped)
        with pytest.raises(AgentKilled):
            await guard.check()
        await side.take_back(RUN, 6)
        await until(lambda: not guard.stopped)
        await side.client.set(side.keys.control(RUN), msgspec.json.encode(kill))  # replayed, and for ever
        await side.signal.send(kill)
        await states(side, "d5", ["received", "accepted", "effective", "refused"])
        await guard.check()


async def test_over_mqtt_the_same(broker, command, until, background):
    daemon = MqttSignal(broker_address(broker.url), sign=SIGNER.command)
    background(daemon.run())
    await until(lambda: daemon.connected)
    async with Guard(**WHO, mqtt=broker.url) as guard, connect(broker_address(broker.url)) as thief:
        topic = command_topic(RUN)
        forged = msgspec.json.encode(command("kill", 1))
        await thief.publish(BrokerMessage(topic=topic, payload=forged, retain=True))
        acks = daemon.acks()
        assert (await anext(acks)).state == "refused"
        await guard.check()
        kill = SIGNER.command(command("kill", 5))
        await daemon.send(replace(kill, sig=""))
        await until(lambda: guard.stopped)
        await daemon.clear(RUN, 6)
        await until(lambda: not guard.stopped)
        longer = msgspec.to_builtins(kill) | {"ttl_ms": 10**9}
        await thief.publish(BrokerMessage(topic=topic, payload=msgspec.json.encode(longer)))
        while (ack := await anext(acks)).state != "refused":
            assert ack.state in ("received", "accepted", "effective")
        assert (ack.command, ack.reason) == ("d5", "epoch 5 is older than 6")
        await guard.check()


async def test_threads_and_children_carry_the_keys_on(valkey, over_redis, command, until):
    environment = Guard(**WHO, redis=valkey).environment()
    assert environment["AGENTWATCH_COMMAND_KEYS"] == PUBLIC
    async with over_redis(valkey) as side:
        guard = ThreadGuard.from_env(environment)
        await asyncio.to_thread(guard.__enter__)
        try:
            await side.send(command("kill", 1))
            await side.send(SIGNER.command(command("pause", 2)))
            await until(lambda: not guard._guard.at_ease)
            assert not guard.stopping.is_set()
            await side.send(SIGNER.command(command("kill", 3)))
            await until(guard.stopping.is_set)
        finally:
            await asyncio.to_thread(guard.__exit__, None, None, None)

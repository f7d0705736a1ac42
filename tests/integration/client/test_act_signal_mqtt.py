"""What a broker retains: never longer than the lease, never an older epoch, told again, and taken back."""

import asyncio
import time

import aiomqtt
import msgspec
import pytest

from agentwatch.act.signal_mqtt import MqttOptions, MqttSignal
from agentwatch.broker import broker_address
from agentwatch.client import AgentKilled, Guard, GuardOptions
from agentwatch.errors import SignalUnavailable
from agentwatch.records import Ack

RUN = "default/crew/run/r1"
TOPIC = "agentwatch/v1/default/crew/run/r1/command"
STATUS = "agentwatch/v1/status"


class Looker:
    """A plain subscriber: what a newcomer is told."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def retained(self, topic: str = "agentwatch/v1/#", within_s: float = 0.15) -> dict[str, dict]:
        found: dict[str, dict] = {}
        async with aiomqtt.Client("127.0.0.1", self._port) as client:
            await client.subscribe(topic, qos=1)
            try:
                async with asyncio.timeout(within_s):
                    async for message in client.messages:
                        if message.retain:
                            found[str(message.topic)] = msgspec.json.decode(message.payload)
            except TimeoutError:
                return found

    async def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        async with aiomqtt.Client("127.0.0.1", self._port) as client:
            await client.publish(topic, payload, qos=1, retain=retain)

    async def empty(self, topic: str, within_s: float = 5.0) -> None:
        deadline = time.monotonic() + within_s
        while topic in await self.retained(topic):
            assert time.monotonic() < deadline, f"{topic} is still retained"


async def test_a_command_is_retained_with_the_time_it_has_left(broker, over_mqtt, command):
    async with over_mqtt(broker.url) as side:
        await side.send(command("kill", 3, ttl_s=50.0))
        found = (await Looker(broker.port).retained())[TOPIC]
    assert (found["cmd"], found["epoch"], found["scope"], found["subject"]) == ("kill", 3, "run", RUN)
    assert 49_000 < found["ttl_ms"] <= 50_000


async def test_nothing_is_retained_beyond_its_lease(broker, over_mqtt, command):
    async with over_mqtt(broker.url) as side:
        await side.send(command("kill", 1, ttl_s=0.4))
        assert TOPIC in await Looker(broker.port).retained(TOPIC, 0.1)
        await Looker(broker.port).empty(TOPIC)


async def test_a_renewed_lease_outlives_the_first_end(broker, over_mqtt, command, until):
    async with over_mqtt(broker.url) as side:
        await side.send(command("kill", 1, ttl_s=0.2))
        await side.send(command("kill", 2, ttl_s=60.0))
        await side.send(command("pause", 3, subject="default/crew/run/r2", ttl_s=0.3))
        await Looker(broker.port).empty("agentwatch/v1/default/crew/run/r2/command")
        assert (await Looker(broker.port).retained(TOPIC))[TOPIC]["epoch"] == 2


async def test_an_older_epoch_is_never_sent(broker, over_mqtt, command):
    async with over_mqtt(broker.url) as side:
        await side.send(command("kill", 5))
        await side.send(command("pause", 4))
        await side.take_back(RUN, 3)
        assert (await Looker(broker.port).retained(TOPIC))[TOPIC]["epoch"] == 5
        await side.take_back(RUN, 6)
        assert await Looker(broker.port).retained(TOPIC) == {}


async def test_what_a_former_life_left_is_cleared_when_its_lease_ends(broker, over_mqtt, command):
    async with over_mqtt(broker.url) as side:
        await side.send(command("kill", 1, ttl_s=0.6))
    assert TOPIC in await Looker(broker.port).retained(TOPIC, 0.1)
    async with over_mqtt(broker.url):
        await Looker(broker.port).empty(TOPIC)


async def test_what_no_longer_stands_is_cleared_and_what_stands_is_retained(broker, over_mqtt, command, until):
    other = "default/crew/run/r2"
    async with over_mqtt(broker.url) as side:
        await side.send(command("kill", 1))
    signal = MqttSignal(broker_address(broker.url), mine=lambda subject: "/elsewhere/" not in subject)
    await Looker(broker.port).publish("agentwatch/v1/default/elsewhere/run/r/command", b'{"not": "ours"}', retain=True)
    running = asyncio.create_task(signal.run())
    await signal.reconcile([command("pause", 2, subject=other), command("kill", 3, subject="default/elsewhere/run/x")])
    await until(lambda: signal.connected)
    found = await Looker(broker.port).retained("agentwatch/v1/+/+/+/+/command")
    assert sorted(found) == [
        "agentwatch/v1/default/crew/run/r2/command",
        "agentwatch/v1/default/elsewhere/run/r/command",
    ]
    running.cancel()
    await asyncio.wait({running})


async def test_the_status_says_online_and_then_offline(broker, over_mqtt):
    async with over_mqtt(broker.url):
        assert (await Looker(broker.port).retained(STATUS))[STATUS]["state"] == "online"
    assert (await Looker(broker.port).retained(STATUS))[STATUS]["state"] == "offline"


async def test_acknowledgements_come_in_and_strange_messages_do_not_matter(broker, over_mqtt, until):
    topic = TOPIC.replace("/command", "/ack")
    ack = Ack(command="d1", subject=RUN, epoch=1, state="effective", at=1.0)
    async with over_mqtt(broker.url) as side:
        looker = Looker(broker.port)
        for strange in (b"", b"\xff", b"[]", b'{"command": 1}', msgspec.json.encode(ack).replace(b"r1", b"r2")):
            await looker.publish(topic, strange)
        await looker.publish(topic, msgspec.json.encode(ack))
        await until(lambda: side.heard)
        assert side.heard == [ack]


async def test_a_broker_that_is_away_is_said_to_be(own_broker, command):
    own_broker.stop()
    signal = MqttSignal(broker_address(own_broker.url), MqttOptions(timeout_s=0.2))
    running = asyncio.create_task(signal.run())
    with pytest.raises(SignalUnavailable, match="broker"):
        await signal.send(command("kill", 1))
    with pytest.raises(SignalUnavailable):
        await signal.clear(RUN, 2)
    running.cancel()
    await asyncio.wait({running})


@pytest.mark.debian
@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
async def test_the_whole_way_over_mosquitto(mosquitto, protocol, command, until):
    signal = MqttSignal(broker_address(mosquitto.url), MqttOptions(protocol=protocol))
    running = asyncio.create_task(signal.run())
    await signal.send(command("kill", 1, subject="default/crew/task/a%20b+nightly"))
    options = GuardOptions(mqtt_protocol=protocol)
    async with Guard("a b", app="crew", task="nightly", mqtt=mosquitto.url, options=options) as guard:
        with pytest.raises(AgentKilled):
            await guard.check()
        await signal.clear("default/crew/task/a%20b+nightly", 2)
        await until(lambda: not guard.stopped)
    states = [ack.state async for ack in _first(signal, 3)]
    assert states == ["received", "accepted", "effective"]
    running.cancel()
    await asyncio.wait({running})


@pytest.mark.debian
async def test_mqtt_5_lets_the_broker_drop_what_has_expired(mosquitto, command):
    signal = MqttSignal(broker_address(mosquitto.url), MqttOptions(protocol="5"))
    running = asyncio.create_task(signal.run())
    await signal.send(command("kill", 1, ttl_s=1.2))
    running.cancel()  # nobody is left to clear it
    await asyncio.wait({running})
    assert TOPIC in await Looker(mosquitto.port).retained(TOPIC, 0.1)
    await Looker(mosquitto.port).empty(TOPIC)


async def _first(signal: MqttSignal, count: int):
    acks = signal.acks()
    for _ in range(count):
        yield await anext(acks)
    await acks.aclose()

"""The daemon's side of each signal path, over real servers: what a commit and an outbox do for one command."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from agentwatch.act.signal_mqtt import MqttSignal
from agentwatch.act.signal_redis import RedisSignal
from agentwatch.broker import broker_address
from agentwatch.keys import keys
from agentwatch.records import Ack, Command
from agentwatch.subject import parse

RUN = "default/crew/run/r1"


def make_command(cmd: str, epoch: int, subject: str = RUN, ttl_s: float = 60.0, **more: Any) -> Command:
    now = time.time()
    return Command(
        id=f"d{epoch}", cmd=cmd, scope=parse(subject)[0], subject=subject, epoch=epoch, reason="the same again",
        issued_at=now, expires_at=now + ttl_s, **more,
    )  # fmt: skip


async def eventually(true: Callable[[], bool], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.01)


class RedisSide:
    """Control keys, wake-ups and the acks stream."""

    name = "redis"

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = Redis.from_url(url)
        self.keys = keys(0)
        self.signal = RedisSignal(self.client, 0)

    @property
    def paths(self) -> dict[str, str]:
        return {"redis": self.url}

    async def write(self, command: Command) -> None:
        ttl_ms = max(1, round((command.expires_at - command.issued_at) * 1000))
        await self.client.set(self.keys.control(command.subject), msgspec.json.encode(command), px=ttl_ms)

    async def send(self, command: Command) -> None:
        await self.write(command)
        await self.signal.send(command)

    async def take_back(self, subject: str, epoch: int) -> None:
        await self.client.delete(self.keys.control(subject))
        await self.signal.clear(subject, epoch)

    async def acks(self) -> list[Ack]:
        rows = await self.client.xrange(self.keys.acks)
        return [msgspec.json.decode(fields[b"data"], type=Ack) for _, fields in rows]


class MqttSide:
    """Retained commands and acknowledgements at a broker."""

    name = "mqtt"

    def __init__(self, url: str) -> None:
        self.url = url
        self.signal = MqttSignal(broker_address(url))
        self.heard: list[Ack] = []

    @property
    def paths(self) -> dict[str, str]:
        return {"mqtt": self.url}

    async def send(self, command: Command) -> None:
        await self.signal.send(command)

    async def take_back(self, subject: str, epoch: int) -> None:
        await self.signal.clear(subject, epoch)

    async def acks(self) -> list[Ack]:
        return self.heard

    async def collect(self) -> None:
        async for ack in self.signal.acks():
            self.heard.append(ack)


@asynccontextmanager
async def mqtt_side(url: str) -> AsyncIterator[MqttSide]:
    side = MqttSide(url)
    tasks = [asyncio.create_task(side.signal.run()), asyncio.create_task(side.collect())]
    await eventually(lambda: side.signal.connected)
    yield side
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


@asynccontextmanager
async def redis_side(url: str) -> AsyncIterator[RedisSide]:
    side = RedisSide(url)
    yield side
    await side.client.aclose()


@pytest.fixture(params=["redis", "mqtt"])
async def side(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    """The daemon's side of a signal path: over Redis alone, and over MQTT alone."""
    url = request.getfixturevalue("valkey" if request.param == "redis" else "broker")
    if request.param == "redis":
        async with redis_side(url) as found:
            yield found
    else:
        async with mqtt_side(url.url) as found:
            yield found


@pytest.fixture
def over_redis() -> Any:
    return redis_side


@pytest.fixture
def over_mqtt() -> Any:
    return mqtt_side


@pytest.fixture
def command() -> Any:
    return make_command


@pytest.fixture
def states() -> Any:
    """Wait until a command was answered with these states, in order; returns the acknowledgements."""

    async def wait(side: Any, id: str, wanted: list[str], within_s: float = 30.0) -> list[Ack]:
        deadline = time.monotonic() + within_s
        while True:
            found = [ack for ack in await side.acks() if ack.command == id]
            if [ack.state for ack in found] == wanted:
                return found
            assert time.monotonic() < deadline, [ack.state for ack in found]
            await asyncio.sleep(0.02)

    return wait


@pytest.fixture
def until() -> Any:
    return eventually


@pytest.fixture
async def background() -> AsyncIterator[Any]:
    """Start a coroutine that ends with the test."""
    tasks: list[asyncio.Task[Any]] = []

    def start(work: Any) -> asyncio.Task[Any]:
        tasks.append(asyncio.create_task(work))
        return tasks[-1]

    yield start
    for task in tasks:
        task.cancel()
        with suppress(BaseException):
            await task

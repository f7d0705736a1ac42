"""Decisions reach a sink in order and for certain: over outages, restarts and for a sink never seen before."""

import asyncio
import time
from typing import Any

import msgspec
import pytest

from agentwatch.act.command import command_of, takes_back
from agentwatch.act.command_outbox import drain_commands
from agentwatch.act.outbox import OutboxOptions, Progress, drain
from agentwatch.act.signal_mqtt import MqttSignal
from agentwatch.act.signal_redis import RedisSignal
from agentwatch.backoff import BackoffOptions
from agentwatch.broker import broker_address
from agentwatch.connection import RedisOptions, connect
from agentwatch.errors import SignalUnavailable
from agentwatch.keys import keys
from agentwatch.records import Change, Command, Decision, Level
from agentwatch.service.hub import Hub
from agentwatch.service.metering import MeteredBus
from agentwatch.service.recent import RecentLog
from agentwatch.store.log import RedisLog
from agentwatch.store.memory import MemoryLog, MemoryPartition

QUICK = OutboxOptions(batch=3, poll_s=0.05, backoff=BackoffOptions(min_s=0.01, max_s=0.02))


def decision(seq: int, level: Level = Level.kill, *, run: str = "r1", ttl_s: float = 60.0, **more) -> Decision:
    now = time.time()
    return Decision(
        id=f"d{seq}", seq=seq, at=now, tenant="default", app="crew", agent="bot", run=run, root_run=run,
        subject=f"default/crew/run/{run}", kind="repeat", level=level, change=Change.up, expires_at=now + ttl_s,
        **more,
    )  # fmt: skip


class Bus:
    """Records what it is sent; fails as often as it is told to."""

    name = "bus"

    def __init__(self, fail: int = 0) -> None:
        self.fail = fail
        self.told: list[tuple[str, str, int]] = []

    def _try(self) -> None:
        if self.fail:
            self.fail -= 1
            raise SignalUnavailable("away")

    async def send(self, command: Command) -> None:
        self._try()
        self.told.append((command.cmd, command.subject, command.epoch))

    async def clear(self, subject: str, epoch: int) -> None:
        self._try()
        self.told.append(("clear", subject, epoch))


class Log(RedisLog):
    """The real log, with a way to write what commits write into it: decisions, and the control keys that they set."""

    def __init__(self, client: Any) -> None:
        super().__init__(client, 0)
        self.client = client

    async def write(self, *decisions: Decision) -> None:
        """Write them as a commit does: all or none are there to be read."""
        async with self.client.pipeline(transaction=True) as pipe:
            for each in decisions:
                pipe.xadd(keys(0).decisions, {"data": msgspec.json.encode(each)}, id=f"{each.seq}-0")
                command = command_of(each)
                if command is not None and command.expires_at > time.time():
                    pipe.set(keys(0).control(each.subject), msgspec.json.encode(command))
                    pipe.zadd(keys(0).standing, {each.subject: command.expires_at})
                elif takes_back(each):
                    pipe.delete(keys(0).control(each.subject))
                    pipe.zrem(keys(0).standing, each.subject)
            await pipe.execute()


@pytest.fixture
async def log(valkey):
    client = connect(valkey, RedisOptions())
    yield Log(client)
    await client.aclose()


async def test_a_new_sink_begins_with_what_stands_and_goes_on_in_order(log, background, until):
    await log.write(*(decision(seq) for seq in range(1, 9)))
    bus, wake = Bus(), asyncio.Event()
    background(drain_commands(log, bus, wake=wake, options=QUICK))
    await until(lambda: bus.told)
    await log.write(
        decision(9, Level.pause, run="r2"),
        decision(10, Level.kill, run="r3", gate="mode"),
        decision(11, Level.warn, run="r4"),
        decision(12, Level.observe, run="r2", previous=Level.pause),
        decision(13, run="r5", ttl_s=-1.0),
        decision(14, Level.throttle, run="r6", limit=3.0),
    )
    wake.set()
    await until(lambda: len(bus.told) == 4)
    assert bus.told == [
        ("kill", "default/crew/run/r1", 8),
        ("pause", "default/crew/run/r2", 9),
        ("clear", "default/crew/run/r2", 12),
        ("throttle", "default/crew/run/r6", 14),
    ]
    deadline = time.monotonic() + 20
    while await log.cursor("bus") != "14-0":
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_a_sink_that_is_away_delays_and_loses_nothing(log, background, until):
    await log.move("bus", "0-0")
    bus, wake, progress = Bus(fail=5), asyncio.Event(), Progress()
    await log.write(*(decision(seq, run=f"r{seq}") for seq in range(1, 8)))
    background(drain_commands(log, bus, wake=wake, options=QUICK, progress=progress))
    await until(lambda: len(bus.told) == 7)
    assert [epoch for _, _, epoch in bus.told] == [1, 2, 3, 4, 5, 6, 7]
    await until(lambda: progress.delivered == 7)
    assert (progress.failures, progress.failing) == (5, "")


async def test_what_was_confirmed_is_not_sent_again_when_the_sink_fails_in_the_middle(log, background, until):
    await log.move("bus", "0-0")
    await log.write(*(decision(seq, run=f"r{seq}") for seq in range(1, 4)))
    told: list[int] = []
    failed: list[bool] = []

    async def deliver(entry: Decision) -> None:
        if entry.seq == 3 and not failed:
            failed.append(True)
            raise SignalUnavailable("away")
        told.append(entry.seq)

    background(drain(log, "bus", log.decisions, deliver, wake=asyncio.Event(), options=QUICK))
    await until(lambda: len(told) == 3)
    assert told == [1, 2, 3]


async def test_a_restarted_daemon_goes_on_behind_the_cursor(log, background, until):
    await log.move("bus", "0-0")
    await log.write(decision(1, run="a"), decision(2, run="b"))
    first, wake = Bus(), asyncio.Event()
    running = background(drain_commands(log, first, wake=wake, options=QUICK))
    await until(lambda: len(first.told) == 2)
    deadline = time.monotonic() + 20
    while await log.cursor("bus") != "2-0":
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    running.cancel()
    await log.write(decision(3, run="c"))
    second = Bus()
    background(drain_commands(log, second, wake=asyncio.Event(), options=QUICK))
    await until(lambda: second.told)
    assert [epoch for _, _, epoch in second.told] == [1, 2, 3]  # what stands, once


async def test_a_kill_that_was_taken_back_while_the_sink_was_away_is_never_sent(log, background, until):
    await log.move("bus", "0-0")
    await log.write(
        decision(1, run="a"),
        decision(2, Level.observe, run="a", previous=Level.kill),
        decision(3, run="b"),
    )
    bus = Bus(fail=2)
    background(drain_commands(log, bus, wake=asyncio.Event(), options=QUICK))
    await until(lambda: ("clear", "default/crew/run/a", 2) in bus.told)
    assert ("kill", "default/crew/run/a", 1) not in bus.told
    assert bus.told.count(("kill", "default/crew/run/b", 3)) == 1


async def test_a_store_that_is_away_is_waited_for(own_valkey, background, until):
    client = connect(own_valkey.url, RedisOptions())
    log = Log(client)
    bus = Bus()
    await log.move("bus", "0-0")
    background(drain_commands(log, bus, wake=asyncio.Event(), options=QUICK))
    await own_valkey.stop()
    await own_valkey.start()
    await log.write(decision(1))
    await until(lambda: bus.told)
    await client.aclose()


async def test_the_redis_bus_says_when_redis_is_away(own_valkey, command):
    client = connect(own_valkey.url, RedisOptions())
    signal = RedisSignal(client, 0)
    await signal.send(command("kill", 1))
    await own_valkey.stop()
    with pytest.raises(SignalUnavailable):
        await signal.send(command("kill", 2))
    await client.aclose()


class Slow(Bus):
    """Confirms only when it is told to, in any order; takes several at once."""

    def __init__(self) -> None:
        super().__init__()
        self.confirm: dict[int, asyncio.Event] = {}
        self.refuse: set[int] = set()

    async def send(self, command: Command) -> None:
        await super().send(command)
        await self.confirm.setdefault(command.epoch, asyncio.Event()).wait()
        if command.epoch in self.refuse:
            self.refuse.discard(command.epoch)
            raise SignalUnavailable("away")


async def test_nobody_waits_for_the_confirmation_of_another_and_the_cursor_waits_for_all(log, background, until):
    await log.move("bus", "0-0")
    bus, wake, progress = Slow(), asyncio.Event(), Progress()
    many = msgspec.structs.replace(QUICK, at_once=3)
    background(drain_commands(log, bus, wake=wake, options=many, progress=progress))
    await until(lambda: progress.position == "0-0")
    await log.write(*(decision(seq, run=f"r{seq}") for seq in range(1, 5)))
    wake.set()
    await until(lambda: len(bus.told) == 3)
    bus.confirm[2].set()
    bus.confirm[3].set()
    assert [epoch for _, _, epoch in bus.told] == [1, 2, 3]  # three wait, the fourth is not begun
    assert await log.cursor("bus") == "0-0"
    bus.confirm[1].set()
    await until(lambda: len(bus.told) == 4)
    bus.confirm[4].set()
    await until(lambda: progress.position == "4-0")
    assert await log.cursor("bus") == "4-0"


async def test_what_was_on_its_way_behind_a_failure_is_sent_again(log, background, until):
    await log.move("bus", "0-0")
    bus, wake, progress = Slow(), asyncio.Event(), Progress()
    many = msgspec.structs.replace(QUICK, at_once=3)
    background(
        drain(log, "bus", log.decisions, lambda d: bus.send(sent(d)), wake=wake, options=many, progress=progress)
    )
    await until(lambda: progress.position == "0-0")
    await log.write(*(decision(seq, run=f"r{seq}") for seq in range(1, 4)))
    wake.set()
    await until(lambda: len(bus.told) == 3)
    bus.refuse.add(2)
    for confirmed in bus.confirm.values():
        confirmed.set()
    await until(lambda: progress.position == "3-0")
    assert [epoch for _, _, epoch in bus.told] == [1, 2, 3, 2, 3]
    assert progress.failures == 1


def sent(what: Decision) -> Command:
    command = command_of(what)
    assert command is not None
    return command


async def test_what_was_decided_is_written_to_the_broker_before_all_else(broker, background, until, monkeypatch):
    hub, bus = Hub(), MqttSignal(broker_address(broker.url))
    hub.recent.begin(0)
    kept = MemoryLog(MemoryPartition(time.time))
    await kept.move("mqtt", "0-0")
    background(bus.run())
    log, wake, progress = RecentLog(kept, hub.recent), hub.wake(), Progress()
    metered = MeteredBus(bus, lambda _: None)
    background(drain_commands(log, metered, wake=wake, options=QUICK, progress=progress))
    await until(lambda: bus.connected and progress.position == "0-0")
    assert bus._connection is not None
    driver: Any = bus._connection.client._client
    written: list[bytes] = []
    send = driver._sock_send
    monkeypatch.setattr(driver, "_sock_send", lambda data, *more: (written.append(bytes(data)), send(data, *more))[1])
    made = decision(1)
    hub.committed([("1-0", made)], ())
    await hub.sinks_first([made])
    assert any(b"default/crew/run/r1" in data for data in written)
    await until(lambda: progress.position == "1-0")

"""One receiver's loop: at least once each, in order, from a cursor that survives; nothing held up, nothing lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from msgspec.structs import replace

from agentwatch.alert.deliver import DeliverOptions, Delivery
from agentwatch.alert.sample import sample_incident
from agentwatch.errors import NotifyRefused, NotifyUnavailable, StoreUnavailable
from agentwatch.records import Incident, Level
from agentwatch.store.memory import MemoryLog, MemoryPartition
from agentwatch.testing.clock import ManualClock

NOW = 1_790_000_000.0
FAST = {"poll_s": 0.01, "retry_s": 0.01, "retry_max_s": 0.02, "deadline_s": 5.0}


class Pager:
    """A receiver that a test can make fail; keeps what it took."""

    def __init__(self, name: str = "pager") -> None:
        self.name = name
        self.took: list[tuple[str, int]] = []
        self.fails: Exception | None = None
        self.refuses: set[str] = set()
        self.tries = 0
        self.hangs = False

    async def notify(self, incident: Incident) -> None:
        self.tries += 1
        if self.hangs:
            await asyncio.Event().wait()
        if incident.id in self.refuses:
            raise NotifyRefused("answered 400", "url")
        if self.fails is not None:
            raise self.fails
        self.took.append((incident.id, incident.seq))


class FlakyLog(MemoryLog):
    """The log of a store that goes away for some calls."""

    fails = 0

    async def move(self, sink: str, position: str) -> None:
        if self.fails:
            self.fails -= 1
            raise StoreUnavailable("gone")
        await super().move(sink, position)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def partition(clock: ManualClock) -> MemoryPartition:
    return MemoryPartition(clock)


def write(partition: MemoryPartition, *incidents: Incident) -> None:
    for incident in incidents:
        partition.told.add(incident, partition.told.last[0] + 1)


def state(name: str, seq: int = 1, word: str = "opened", **more) -> Incident:
    return replace(sample_incident(NOW), id=name, seq=seq, state=word, **more)


async def until(holds: Callable[[], bool]) -> None:
    deadline = asyncio.get_running_loop().time() + 10
    while not holds():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def running(delivery: Delivery) -> AsyncIterator[None]:
    task = asyncio.create_task(delivery.run(), name="delivery")
    try:
        yield
        assert not task.done(), task.result()
    finally:
        task.cancel()
        await asyncio.wait((task,))


def delivery(partition, pager, clock, log=None, **options) -> Delivery:
    return Delivery(log or MemoryLog(partition), pager, DeliverOptions(**FAST | options), clock)


async def test_every_state_is_sent_once_and_the_cursor_survives_a_restart(partition, clock):
    pager = Pager()
    write(partition, state("i-1"), state("i-2"))
    async with running(delivery(partition, pager, clock)):
        await until(lambda: len(pager.took) == 2)
        write(partition, state("i-1", 2, "resolved"))
        await until(lambda: len(pager.took) == 3)
    write(partition, state("i-3"))
    async with running(delivery(partition, pager, clock)):
        await until(lambda: len(pager.took) == 4)
    assert pager.took == [("i-1", 1), ("i-2", 1), ("i-1", 2), ("i-3", 1)]


async def test_two_receivers_have_two_cursors(partition, clock):
    first, second = Pager("first"), Pager("second")
    second.fails = NotifyUnavailable("down")
    write(partition, state("i-1"))
    async with running(delivery(partition, first, clock)), running(delivery(partition, second, clock)):
        await until(lambda: bool(first.took) and second.tries > 2)
        second.fails = None
        await until(lambda: bool(second.took))
    assert partition.cursors == {"notify:first": "1-0", "notify:second": "1-0"}


async def test_a_receiver_that_is_back_gets_beginning_and_end_not_every_step(partition, clock):
    pager = Pager()
    pager.fails = NotifyUnavailable("answered 503", retry_after_s=0.01)
    steps = [state("i-1", seq, "updated") for seq in range(2, 40)]
    write(partition, state("i-1"), *steps, state("i-2"), state("i-1", 40, "resolved"))
    running_delivery = delivery(partition, pager, clock)
    async with running(running_delivery):
        await until(lambda: pager.tries > 2)
        assert running_delivery.failing == "receiver: answered 503"
        pager.fails = None
        await until(lambda: len(pager.took) == 3)
    assert pager.took == [("i-1", 1), ("i-2", 1), ("i-1", 40)]
    assert running_delivery.failing == ""


async def test_what_is_refused_for_good_holds_nothing_up(partition, clock):
    pager = Pager()
    pager.refuses.add("i-1")
    write(partition, state("i-1"), state("i-2"))
    async with running(delivery(partition, pager, clock)):
        await until(lambda: pager.took == [("i-2", 1)])
    assert pager.tries == 2


async def test_a_receiver_that_hangs_meets_the_deadline(partition, clock):
    pager = Pager()
    pager.hangs = True
    write(partition, state("i-1"))
    async with running(delivery(partition, pager, clock, deadline_s=0.02)):
        await until(lambda: pager.tries > 1)
        pager.hangs = False
        await until(lambda: pager.took == [("i-1", 1)])


async def test_a_log_that_goes_away_doubles_nothing(partition, clock):
    pager, log = Pager(), FlakyLog(partition)
    log.fails = 3
    write(partition, state("i-1"), state("i-2"))
    async with running(delivery(partition, pager, clock, log)):
        await until(lambda: len(pager.took) == 2 and partition.cursors.get("notify:pager") == "2-0")
    assert pager.took == [("i-1", 1), ("i-2", 1)]


async def test_a_new_receiver_is_spared_the_past(partition, clock):
    pager = Pager()
    write(partition, *[state(f"old-{n}", updated_at=NOW - 5000) for n in range(450)], state("new"))
    async with running(delivery(partition, pager, clock)):
        await until(lambda: bool(pager.took))
    assert pager.took == [("new", 1)]


async def test_a_silence_ends_the_repeating_also_after_a_restart_and_takes_nothing_away(partition, clock):
    pager = Pager()
    write(partition, state("i-1", updated_at=NOW), state("i-1", 2, "updated", silenced="ada: a release"))
    async with running(delivery(partition, pager, clock, repeat_s=600)):
        await until(lambda: len(pager.took) == 1)
        clock.advance(601)
        write(partition, state("i-2", updated_at=NOW + 601))
        await until(lambda: ("i-2", 1) in pager.took)
    clock.advance(601)
    async with running(delivery(partition, pager, clock, repeat_s=600)):
        await until(lambda: pager.took.count(("i-2", 1)) == 2)
        write(partition, state("i-1", 3, "updated", updated_at=NOW))
        await until(lambda: ("i-1", 3) in pager.took)
    assert pager.took == [("i-1", 1), ("i-2", 1), ("i-2", 1), ("i-1", 3)]


@pytest.mark.parametrize(
    ("options", "incident", "wanted"),
    [
        ({}, {}, True),
        ({"min_level": "pause"}, {"level": Level.throttle}, False),
        ({"min_level": "pause"}, {"level": Level.pause}, True),
        ({"min_level": "kill"}, {"level": Level.warn, "verified": "failed"}, True),
        ({"states": ("opened", "resolved")}, {"state": "updated", "seq": 2}, False),
        ({"would_have": False}, {"gate": "mode"}, False),
        ({"tenants": ("acme", "b*")}, {"tenant": "bolt"}, True),
        ({"tenants": ("acme",)}, {"tenant": "bolt"}, False),
        ({"teams": ("ops",)}, {"team": ""}, False),
        ({}, {"silenced": "ada: a release"}, False),
        ({}, {"silenced": "ada: a release", "level": Level.kill, "verified": "failed"}, True),
        ({}, {"receivers": ("chat",)}, False),
        ({}, {"receivers": ("chat", "pager")}, True),
    ],
)
async def test_a_receiver_gets_what_it_asked_for(partition, clock, options, incident, wanted):
    pager = Pager()
    write(partition, replace(state("asked"), **incident), state("last", level=Level.kill, tenant="acme", team="ops"))
    async with running(delivery(partition, pager, clock, **options)):
        await until(lambda: ("last", 1) in pager.took)
    assert any(name == "asked" for name, _ in pager.took) is wanted


async def test_an_open_incident_is_repeated_until_it_is_over_also_after_a_restart(partition, clock):
    pager = Pager()
    write(partition, state("i-1", updated_at=NOW))
    async with running(delivery(partition, pager, clock, repeat_s=600)):
        await until(lambda: len(pager.took) == 1)
        clock.advance(601)
        await until(lambda: len(pager.took) == 2)
    clock.advance(601)
    async with running(delivery(partition, pager, clock, repeat_s=600)):
        await until(lambda: len(pager.took) == 3)
        write(partition, state("i-1", 2, "resolved"))
        await until(lambda: len(pager.took) == 4)
        clock.advance(601)
        write(partition, state("i-2"))
        await until(lambda: len(pager.took) == 5)
    assert pager.took == [("i-1", 1)] * 3 + [("i-1", 2), ("i-2", 1)]


async def test_waking_it_is_quicker_than_its_poll(partition, clock):
    pager = Pager()
    made = delivery(partition, pager, clock, poll_s=60.0)
    async with running(made):
        await asyncio.sleep(0)
        write(partition, state("i-1"))
        made.wake()
        await until(lambda: bool(pager.took))

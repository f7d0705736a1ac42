"""How many events a worker reads at once, and what becomes of what it read ahead."""

import asyncio
from contextlib import suppress

import pytest

from agentwatch.errors import StoreUnavailable
from agentwatch.records import Batch, Positions, Tick
from agentwatch.service.read_ahead import Pace, ReadAhead
from agentwatch.store.memory import MemoryPartition
from agentwatch.store.memory_source import MemorySource


def test_as_many_events_are_asked_for_as_fit_into_a_turn() -> None:
    pace = Pace(1000, 0.015)
    assert pace.limit == 256
    for _ in range(20):
        pace.took(pace.limit, pace.limit * 40e-6)
    assert 370 <= pace.limit <= 380
    for _ in range(20):
        pace.took(pace.limit, pace.limit * 10e-6)
    assert pace.limit == 1000  # and no more than is configured
    for _ in range(40):
        pace.took(pace.limit, pace.limit * 5e-3)
    assert pace.limit == 64  # and no fewer than are worth a commit


def test_a_pause_and_a_trickle_say_little_of_what_an_event_costs() -> None:
    pace = Pace(1000, 0.015)
    for _ in range(20):
        pace.took(pace.limit, pace.limit * 40e-6)
    settled = pace.limit
    for _ in range(100):
        pace.took(1, 0.002)
        pace.took(0, 0.001)
    assert pace.limit == settled
    pace.took(settled, 0.05)  # one batch with a collection of garbage in it
    for _ in range(10):
        pace.took(settled, settled * 40e-6)
    assert pace.limit > settled * 0.95


class Failing(MemorySource):
    """Fails its next reads, after having moved on, as an answer does that is lost."""

    def __init__(self, partition: MemoryPartition) -> None:
        super().__init__(partition)
        self.failures = 0

    async def read(self, limit: int, block_s: float) -> Batch:
        batch = await super().read(limit, block_s)
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("the answer was lost")
        return batch


async def test_a_read_ahead_that_failed_is_made_again_from_where_the_worker_is() -> None:
    partition = MemoryPartition(lambda: 1.0)
    ids = [partition.add(b"%d" % index) for index in range(4)]
    source = Failing(partition)
    reader = ReadAhead(source, Pace(2, 1.0), 0.0)
    first = await reader.next(Positions())
    at = Positions(events=first.entries[-1].id)
    source.failures = 1
    reader.begin()
    with pytest.raises(StoreUnavailable):
        await reader.next(at)
    reader.begin()  # does nothing while the source is elsewhere
    second = await reader.next(at)
    assert [entry.id for entry in (*first.entries, *second.entries)] == ids


class Deaf(MemorySource):
    """Loses a cancellation while it reads, as drivers do on older Pythons."""

    async def read(self, limit: int, block_s: float) -> Batch:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.01)
        return await super().read(limit, block_s)


async def test_what_was_read_although_it_was_let_go_is_read_again() -> None:
    partition = MemoryPartition(lambda: 1.0)
    ids = [partition.add(b"%d" % index) for index in range(4)]
    reader = ReadAhead(Deaf(partition), Pace(2, 1.0), 0.0)
    first = await reader.next(Positions())
    at = Positions(events=first.entries[-1].id)
    reader.begin()
    await asyncio.sleep(0)
    await reader.drop()
    reader.begin()
    second = await reader.next(at)
    assert [entry.id for entry in (*first.entries, *second.entries)] == ids


async def test_who_ends_while_it_waits_takes_what_was_asked_for_along() -> None:
    reader = ReadAhead(MemorySource(MemoryPartition(lambda: 1.0)), Pace(2, 1.0), 60.0)
    reader.begin()
    waiting = asyncio.create_task(reader.next(Positions()))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting}, timeout=5)
    assert waiting.cancelled()
    await asyncio.sleep(0)
    assert [task for task in asyncio.all_tasks() if task.get_name() == "agentwatch-read-ahead"] == []
    assert (await ReadAhead(Failing(MemoryPartition(lambda: 2.0)), Pace(2, 1.0), 0.0).next(Positions())).tick == Tick(
        2.0
    )

"""Checkpoints beside the turns: of the boundary at which they were taken, by a child or here, one at a time."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from agentwatch import checkpointing
from agentwatch.config import Config, WorkerOptions
from agentwatch.errors import Fenced, StoreUnavailable
from agentwatch.pipeline import Pipeline
from agentwatch.records import Batch, Checkpoint, Entry, Tick
from agentwatch.service.apart import Apart, can_fork
from agentwatch.service.composing import make_pipeline, make_rulebook
from agentwatch.service.saving import Saving

FORKING = WorkerOptions(checkpoint_s=3600.0, checkpoint_events=10, checkpoint_fork_runs=1)
HERE = replace(FORKING, checkpoint_fork_runs=0)
OPTIONS = [pytest.param(HERE, id="here")]
if can_fork():
    OPTIONS.append(pytest.param(FORKING, id="child"))


class Place:
    """A store that keeps what is published, and waits or fails when told to."""

    def __init__(self) -> None:
        self.published: list[Checkpoint] = []
        self.error: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def checkpoint(self, checkpoint: Checkpoint, chunks: AsyncIterator[bytes]) -> None:
        await self.open.wait()
        if self.error is not None:
            raise self.error
        self.published.append(replace(checkpoint, chunks=tuple([chunk async for chunk in chunks])))


def path() -> Pipeline:
    config = Config()
    return make_pipeline(config, make_rulebook(config, {}))


def learn(pipeline: Pipeline, number: int) -> None:
    data = b'{"agent":"bot","run":"r%d","input":"page %d","ts":%d}' % (number % 3, number, 1000 + number)
    pipeline.step(Batch(Tick(1000.0 + number), (Entry(f"{number + 1}-0", data),)))


async def written(saving: Saving) -> None:
    assert saving._writing is not None
    await asyncio.wait({saving._writing})


@pytest.mark.parametrize("options", OPTIONS)
async def test_it_is_the_state_of_the_moment_in_which_it_was_taken(options: WorkerOptions) -> None:
    place, pipeline = Place(), path()
    saving = Saving(place, options)  # type: ignore[arg-type]
    saving.begin(0)
    for number in range(12):
        learn(pipeline, number)
    saving.learnt(9)
    assert not saving.due()
    saving.learnt(3)
    assert saving.due()
    expected = checkpointing.dump(pipeline, 1012.0)
    place.open.clear()
    saving.take(pipeline, 1012.0)
    for number in range(12, 40):
        learn(pipeline, number)
    saving.learnt(28)
    assert not saving.due()  # one at a time
    place.open.set()
    await written(saving)
    assert place.published == [expected]
    assert saving.due()  # what was learnt meanwhile counts for the next one
    await saving.last(pipeline, 1040.0)
    assert place.published[1:] == [checkpointing.dump(pipeline, 1040.0)]
    assert not saving.due()


@pytest.mark.parametrize("options", OPTIONS)
async def test_a_store_that_is_away_postpones_it_and_a_lost_lease_is_told(options: WorkerOptions) -> None:
    place, pipeline = Place(), path()
    saving = Saving(place, options)  # type: ignore[arg-type]
    saving.begin(0)
    learn(pipeline, 1)
    saving.learnt(10)
    place.error = StoreUnavailable("away")
    saving.take(pipeline, 1.0)
    await written(saving)
    assert saving.due()
    place.error = Fenced("another one")
    saving.take(pipeline, 1.0)
    await written(saving)
    with pytest.raises(Fenced, match="another one"):
        saving.due()


@pytest.mark.skipif(not can_fork(), reason="no fork here")
async def test_after_a_child_that_failed_the_next_one_is_encoded_here(monkeypatch) -> None:
    place, pipeline = Place(), path()
    saving = Saving(place, replace(FORKING, checkpoint_events=1000))  # type: ignore[arg-type]
    saving.begin(0)
    learn(pipeline, 1)
    saving.learnt(1)

    def broken() -> object:
        raise ValueError("no")

    begun: list[Apart] = []
    real = Apart.begin
    monkeypatch.setattr(Apart, "begin", lambda make: begun.append(real(broken)) or begun[-1])  # type: ignore[arg-type]
    saving.take(pipeline, 1.0)
    await written(saving)
    assert (len(begun), place.published) == (1, [])
    assert saving.due()  # at once, and without a child
    saving.take(pipeline, 1.0)
    await written(saving)
    assert len(begun) == 1
    assert place.published == [checkpointing.dump(pipeline, 1.0)]


async def test_one_that_is_let_go_writes_nothing_more() -> None:
    place, pipeline = Place(), path()
    saving = Saving(place, FORKING)  # type: ignore[arg-type]
    saving.begin(0)
    learn(pipeline, 1)
    place.open.clear()
    saving.take(pipeline, 1.0)
    await asyncio.sleep(0)
    await saving.drop()
    place.open.set()
    assert place.published == []

"""A change of the number of partitions brings no wish back: neither where it was read, nor where there was nobody."""

from functools import partial

import pytest

from agentwatch import checkpointing
from agentwatch.config import Config
from agentwatch.connection import RedisOptions
from agentwatch.keys import META, Home
from agentwatch.nodes import Nodes
from agentwatch.records import Batch, Control, Level, Tick
from agentwatch.service.composing import make_pipeline, make_rulebook
from agentwatch.service.resizing import Partition, Resizer
from agentwatch.service.restoring import restore
from agentwatch.service.signing import Signer
from agentwatch.service.wiring_resize import _partition
from agentwatch.store.redis import StoreOptions
from agentwatch.store.retired import RedisRetired
from agentwatch.store.switch import RedisSwitch

WISHES = (
    Control(id="mode", kind="mode", at=100.0, author="olivia", value="observe"),
    Control(id="whole", kind="decide", at=100.0, author="olivia", subject="tenant", level=Level.observe),
)


@pytest.fixture
async def nodes(valkey):
    made = Nodes(valkey, RedisOptions(), partitions=2)
    await made.common.hset(META, "partitions", 2)
    yield made
    await made.aclose()


@pytest.fixture
def at(nodes):
    return partial(_partition, nodes, StoreOptions(lease_s=0.5), Signer(), lambda: None)


def a_pipeline(home: Home):
    return make_pipeline(Config(), make_rulebook(Config(), {}), home)


def wish_all(path, position: int) -> int:
    """Give the wishes to a partition; tells how many of them it had before."""
    repeated = path.repeated
    path.step(Batch(Tick(position / 1000), controls=tuple((f"{position}-{n}", one) for n, one in enumerate(WISHES))))
    return path.repeated - repeated


async def read(part: Partition, home: Home) -> None:
    """Let a partition's worker read the wishes, and end."""
    opened = await part.store.open()
    path = a_pipeline(home)
    await restore(path, opened, part.source, part.log, lambda: None)
    wish_all(path, 100_000)
    await part.store.commit(path.step(Batch(Tick(100.1))))
    await part.store.checkpoint(checkpointing.dump(path, 100.1))
    await part.store.close()


async def repeated_after(part: Partition, home: Home) -> int:
    opened = await part.store.open()
    path = a_pipeline(home)
    await restore(path, opened, part.source, part.log, lambda: None)
    await part.store.close()
    return wish_all(path, 110_000)


@pytest.mark.parametrize("after", [1, 4])
async def test_a_wish_about_no_app_is_carried_out_once_whatever_the_number_of_partitions(nodes, at, after):
    for index in range(2):
        await read(at(index), Home(index, 2))

    async def passed(_inputs: object) -> None:
        raise AssertionError("nothing waits")

    retired = RedisRetired(nodes, 100, 1000)
    resizer = Resizer(at, a_pipeline, RedisSwitch(nodes), retired, passed, grace_s=0.0)
    await resizer.run(2, after)
    for index in range(after):
        assert await repeated_after(at(index), Home(index, after)) == len(WISHES)

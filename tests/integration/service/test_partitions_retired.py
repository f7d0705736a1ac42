"""Fewer partitions: what those served no longer held is found, or ends by itself, and comes back whole."""

import re
from collections.abc import Iterable
from functools import partial

import pytest

from agentwatch.audited import verify
from agentwatch.config import Config
from agentwatch.connection import RedisOptions
from agentwatch.errors import BadConfig, BadRequest, Incompatible, StoreUnavailable
from agentwatch.keys import META, keys
from agentwatch.keys import partition as partition_of_app
from agentwatch.nodes import Nodes
from agentwatch.records import (
    AuditLine,
    Change,
    Commit,
    DeadLetter,
    Decision,
    LedgerLine,
    LedgerRow,
    Level,
    Positions,
    Tick,
)
from agentwatch.service.composing import make_pipeline, make_rulebook
from agentwatch.service.resizing import Resizer
from agentwatch.service.signing import Signer
from agentwatch.service.wiring_resize import _partition
from agentwatch.store.audit import RedisAudit
from agentwatch.store.dead import RedisDeadLetters
from agentwatch.store.ledger import RedisLedger
from agentwatch.store.redis import RedisStore, StoreOptions
from agentwatch.store.retired import KEEP_S, RedisRetired
from agentwatch.store.switch import RedisSwitch

DAY, BOUNDS = "2026-11-24", StoreOptions(lease_s=0.5)
APPS = [f"app{number}" for number in range(12)]


@pytest.fixture
async def nodes(valkey):
    made = Nodes(valkey, RedisOptions(), partitions=4)
    await made.common.hset(META, "partitions", 4)
    yield made
    await made.aclose()


async def work(nodes: Nodes, index: int) -> None:
    """Let a partition have a bit of everything: a dead letter, a decision, costs, an audit record."""
    store = RedisStore(nodes.of(index), index, BOUNDS)
    opened = await store.open()
    seq = opened.committed.seq + 1
    apps = [app for app in APPS if partition_of_app("default", app, nodes.partitions) == index]
    decision = Decision(
        id=f"d{index}-{seq}", seq=seq, at=1.0, subject=f"default/{apps[0]}", kind="repeat", level=Level.warn,
        change=Change.up, tenant="default", app=apps[0], agent="a", run="r", root_run="r",
    )  # fmt: skip
    letter = DeadLetter(id="", entry=f"{index}-1", at=1.0, field="ts", reason="is no number", original={"data": "{"})
    await store.commit(
        Commit(
            positions=Positions(index=opened.committed.index + 1, seq=seq), at=1.0, tick=Tick(1.0),
            decisions=(decision,), dead=(letter,),
            ledger=LedgerRow.of(costs(apps)), audit=(AuditLine(at=1.0, action="mode", who="alice"),),
        )
    )  # fmt: skip
    await store.close()


def costs(apps: Iterable[str]) -> Iterable[LedgerLine]:
    for app in apps:
        yield LedgerLine(day=DAY, tenant="default", team="t", app=app, agent="a", model="m", events=2, cost_nusd=5)


async def resize(nodes: Nodes, before: int, after: int, retired: RedisRetired | None = None):
    config = Config()
    make = partial(make_pipeline, config, make_rulebook(config, {}))
    at = partial(_partition, nodes, BOUNDS, Signer(), lambda: None)
    kept = retired or RedisRetired(nodes, BOUNDS.dead_letters, 1000)

    async def passed(_inputs: object) -> None:
        raise AssertionError("nothing waits")

    return await Resizer(at, make, RedisSwitch(nodes), kept, passed, grace_s=0.0).run(before, after)


async def totals(nodes: Nodes, partitions: int) -> dict[str, tuple[int, int]]:
    """Add up the costs of the partitions that are served."""
    found: dict[str, tuple[int, int]] = {}
    for index in range(partitions):
        for line in await RedisLedger(nodes.of(index), index).lines(DAY):
            assert line.app not in found, "an app's costs lie in one place"
            assert partition_of_app("default", line.app, partitions) == index
            found[line.app] = (line.events, line.cost_nusd)
    return found


async def test_what_partitions_held_that_are_served_no_longer_is_found(nodes):
    for index in range(4):
        await work(nodes, index)
    await resize(nodes, 4, 2)
    letters = [row for index in range(2) for row in await RedisDeadLetters(nodes.of(index), index).dead("", 100)]
    assert sorted(letter.entry for _, letter in letters) == ["0-1", "1-1", "2-1", "3-1"]
    assert await RedisDeadLetters(nodes.of(1), 1).requeue(letters[-1][0])
    assert await totals(nodes, 2) == dict.fromkeys(APPS, (2, 5))
    audit = RedisAudit(nodes)
    for index in range(4):
        page = await audit.page(index, 0, 100)
        assert (page.partitions, len(page.entries), verify(page)) == (4, 1, [])
    with pytest.raises(BadRequest, match="4 partitions, counted from 0"):
        await audit.page(4, 0, 10)
    for index in (2, 3):
        names, client = keys(index), nodes.of(index)
        assert await client.xlen(names.decisions) == 1, "it may still be looked at by hand"
        assert 0 < await client.ttl(names.decisions) <= KEEP_S
        left = {key.decode().removeprefix(names.prefix) for key in await client.keys(f"{names.prefix}*")}
        assert left <= {"decisions", "audit", "committed", "token", "inputs", "events", "controls", "acks"}


async def test_a_partition_that_comes_back_goes_on_where_it_was(nodes):
    for index in range(4):
        await work(nodes, index)
    await resize(nodes, 4, 2)
    await resize(nodes, 2, 4)
    for index in (2, 3):
        assert await nodes.of(index).ttl(keys(index).decisions) == -1
        await work(nodes, index)
        page = await RedisAudit(nodes).page(index, 0, 100)
        assert (len(page.entries), verify(page)) == (2, [])
        assert await nodes.of(index).xlen(keys(index).decisions) == 2


class BreaksOff(RedisRetired):
    """Is cut off right after it added a day's costs elsewhere."""

    broken = False

    async def _add(self, *args):
        await super()._add(*args)
        if not self.broken:
            self.broken = True
            raise StoreUnavailable("cut")


async def test_a_move_that_was_broken_off_is_finished_and_counts_nothing_twice(nodes):
    for index in range(4):
        await work(nodes, index)
    with pytest.raises(StoreUnavailable):
        await resize(nodes, 4, 2, BreaksOff(nodes, 100, 1000))
    await resize(nodes, 2, 2)
    assert await totals(nodes, 2) == dict.fromkeys(APPS, (2, 5))
    assert await nodes.common.keys("*moved*") == []
    await resize(nodes, 2, 4)
    with pytest.raises(BadConfig, match="4 partitions already"):
        await resize(nodes, 4, 4)


class LeavesMarks(RedisRetired):
    """Is cut off when a day is moved, but not yet tidied up behind."""

    broken = False

    async def _unmark(self, marks):
        if not self.broken:
            self.broken = True
            raise StoreUnavailable("cut")
        await super()._unmark(marks)


async def test_a_ledger_of_another_type_is_named_and_keeps_its_name(nodes):
    for index in range(4):
        await work(nodes, index)
    foreign = keys(3).ledger("2026-11-01")
    await nodes.of(3).execute_command("SET", foreign, "not ours")
    with pytest.raises(Incompatible, match=re.escape(f"{foreign} is a string, not a hash")):
        await resize(nodes, 4, 2)
    assert await nodes.of(3).execute_command("GETDEL", foreign) == b"not ours"
    await resize(nodes, 2, 2)
    lines = [line for index in range(2) for line in await RedisLedger(nodes.of(index), index).lines(DAY)]
    assert sorted(line.app for line in lines) == sorted(APPS)


async def test_a_later_move_of_the_same_day_is_not_taken_for_one_that_was_broken_off(nodes):
    for index in range(4):
        await work(nodes, index)
    with pytest.raises(StoreUnavailable):
        await resize(nodes, 4, 2, LeavesMarks(nodes, 100, 1000))
    await resize(nodes, 2, 2)
    await resize(nodes, 2, 4)
    for index in range(4):
        await work(nodes, index)
    moved = await resize(nodes, 4, 2)
    assert moved.after == 2
    lines = [line for index in range(2) for line in await RedisLedger(nodes.of(index), index).lines(DAY)]
    assert {line.app: (line.events, line.cost_nusd) for line in lines} == dict.fromkeys(APPS, (4, 10))

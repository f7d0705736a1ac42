"""One contract for every store and source: in memory, on Valkey, and on Redis 7 where it is installed."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from agentwatch.connection import RedisOptions
from agentwatch.errors import BadRequest, Fenced, Incompatible
from agentwatch.ingest.intake import RedisIntake
from agentwatch.ingest.stream import RedisSource
from agentwatch.keys import keys
from agentwatch.nodes import Nodes
from agentwatch.records import (
    Ack,
    Batch,
    Change,
    Checkpoint,
    Command,
    Commit,
    Control,
    DeadLetter,
    Decision,
    Incident,
    LedgerLine,
    LedgerRow,
    Level,
    Positions,
    Tick,
)
from agentwatch.service.read_ahead import Pace, ReadAhead
from agentwatch.store.controls import RedisControls
from agentwatch.store.dead import RedisDeadLetters
from agentwatch.store.log import RedisLog
from agentwatch.store.memory import MemoryDeadLetters, MemoryLog, MemoryPartition, MemoryStore
from agentwatch.store.memory_source import MemorySource
from agentwatch.store.redis import RedisStore, StoreOptions

# Redis itself is tested where it is installed, and must be in CI.
HAS_REDIS = shutil.which("redis-server") or os.environ.get("AGENTWATCH_TEST_REDIS_SERVER") or os.environ.get("CI")
SERVERS = ["valkey", "redis7"] if HAS_REDIS else ["valkey"]


class InMemory:
    """Everything of one partition in memory."""

    def __init__(self) -> None:
        self.partition = MemoryPartition(time.time)
        self.log = MemoryLog(self.partition)
        self.dead = MemoryDeadLetters(self.partition)
        self.wishes = self.acks = self.partition

    def store(self, lease_s: float = 10.0) -> MemoryStore:
        return MemoryStore(self.partition, lease_s)

    def source(self) -> MemorySource:
        return MemorySource(self.partition)

    async def add(self, data: bytes) -> str:
        return self.partition.add(data)

    async def events(self) -> int:
        return len(self.partition.events.rows)


class InRedis:
    """Everything of one partition on a real server."""

    def __init__(self, url: str) -> None:
        self.nodes = Nodes(url, RedisOptions(timeout_s=60.0))

    def bind(self) -> None:
        self.client: Any = self.nodes.of(0)
        self.log = RedisLog(self.client, 0)
        self.dead = RedisDeadLetters(self.client, 0)
        self.wishes = RedisControls(self.nodes)
        self.acks = RedisIntake(self.nodes)

    def store(self, lease_s: float = 10.0) -> RedisStore:
        return RedisStore(self.client, 0, StoreOptions(lease_s=lease_s, poll_s=0.02))

    def source(self) -> RedisSource:
        return RedisSource(self.client, 0)

    async def add(self, data: bytes) -> str:
        return (await self.client.execute_command("XADD", keys(0).events, "*", "data", data)).decode()

    async def events(self) -> int:
        return await self.client.execute_command("XLEN", keys(0).events)


@pytest.fixture(params=["memory", "cluster", *SERVERS])
async def place(request: pytest.FixtureRequest) -> AsyncIterator[InMemory | InRedis]:
    if request.param == "memory":
        yield InMemory()
        return
    found = InRedis(request.getfixturevalue(request.param))
    await found.nodes.settle()
    found.bind()
    yield found
    await found.nodes.aclose()


def decision(seq: int, subject: str = "t/a/run/r") -> Decision:
    return Decision(
        id=f"d{seq}", seq=seq, at=1.0, tenant="t", app="a", agent="bot", run="r", root_run="r", subject=subject,
        kind="repeat", level=Level.kill, change=Change.up, reason="“loop” ☂",
    )  # fmt: skip


def command(epoch: int, expires_at: float, subject: str = "t/a/run/r") -> Command:
    return Command(
        id=f"d{epoch}", cmd="kill", scope="run", subject=subject, epoch=epoch, issued_at=1.0, expires_at=expires_at
    )


def incident(seq: int) -> Incident:
    return Incident(
        id="i", seq=seq, state="opened", opened_at=1.0, updated_at=1.0, tenant="t", app="a", agent="bot", run="r",
        root_run="r", subject="t/a/root/r", kind="repeat", level=Level.kill,
    )  # fmt: skip


def letter(entry: str) -> DeadLetter:
    return DeadLetter(id=entry, entry=entry, at=1.0, reason="missing", field="agent", original={"data": '{"a":1}'})


def ends(batch: Batch, before: Positions, seq: int = 0) -> Positions:
    return Positions(
        events=batch.entries[-1].id if batch.entries else before.events,
        controls=batch.controls[-1][0] if batch.controls else before.controls,
        acks=batch.acks[-1][0] if batch.acks else before.acks,
        index=before.index + len(batch.entries),
        seq=max(seq, before.seq),
    )


def state(positions: Positions, *chunks: bytes) -> Checkpoint:
    return Checkpoint(positions=positions, format=3, policy_digest="p", at=5.0, chunks=chunks)


async def test_a_fresh_partition_is_empty(place: Any) -> None:
    opened = await place.store().open()
    assert (opened.token, opened.committed, opened.checkpoint) == (1, Positions(), None)
    assert await place.log.decisions("", 10) == []
    assert await place.log.cursor("mqtt") is None
    assert list(await place.log.standing()) == []


async def test_a_commit_is_read_back_whole(place: Any) -> None:
    store, source = place.store(), place.source()
    opened = await store.open()
    await source.seek(opened.committed)
    ids = [await place.add(b'{"agent":"a%d"}' % i) for i in range(5)]
    batch = await source.read(100, 0)
    assert [entry.id for entry in batch.entries] == ids
    later = time.time() + 100
    commit = Commit(
        positions=ends(batch, opened.committed, seq=2),
        at=batch.tick.at,
        tick=batch.tick,
        entries=tuple(ids),
        decisions=(decision(1), decision(2)),
        commands=(command(2, later),),
        incidents=(incident(1), incident(2)),
        dead=(letter(ids[0]),),
        ledger=LedgerRow.of(
            [LedgerLine(day="2026-01-01", tenant="t", team="", app="a", agent="b", model="m", events=1)]
        ),
    )
    await store.commit(commit)
    assert await place.log.decisions("", 10) == [("1-0", decision(1)), ("2-0", decision(2))]
    assert await place.log.decisions("1-0", 10) == [("2-0", decision(2))]
    incidents = await place.log.incidents("", 10)
    assert [value.seq for _, value in incidents] == [1, 2]
    assert await place.log.incidents(incidents[0][0], 10) == incidents[1:]
    assert list(await place.log.standing()) == [command(2, later)]
    dead = await place.dead.dead("", 10)
    assert [value for _, value in dead] == [letter(ids[0])]

    await store.close()
    again = await place.store().open()
    assert (again.token, again.committed) == (2, commit.positions)


async def test_incidents_without_decisions_keep_their_order(place: Any) -> None:
    store = place.store()
    await store.open()
    for index in range(1, 4):
        positions = Positions(index=index, seq=index // 2)
        decisions = (decision(1),) if index == 2 else ()
        await store.commit(Commit(positions=positions, at=1.0, incidents=(incident(index),), decisions=decisions))
    found = await place.log.incidents("", 10)
    assert [value.seq for _, value in found] == [1, 2, 3]
    assert await place.log.incidents(found[1][0], 10) == found[2:]


async def test_clearing_ends_what_stands_and_so_does_time(place: Any) -> None:
    store = place.store()
    await store.open()
    later, subjects = time.time() + 100, ("t/a/run/1", "t/a/run/2", "t/a/run/3")
    commands = (command(1, later, subjects[0]), command(2, 1.0, subjects[1]), command(3, 0.0, subjects[2]))
    await store.commit(Commit(positions=Positions(index=1), at=1.0, commands=commands))
    assert {found.subject for found in await place.log.standing()} == {subjects[0], subjects[2]}
    await store.commit(Commit(positions=Positions(index=2), at=1.0, cleared=(subjects[0], "t/a/run/none")))
    assert {found.subject for found in await place.log.standing()} == {subjects[2]}


async def test_the_same_commit_again_changes_nothing(place: Any) -> None:
    store = place.store()
    await store.open()
    commit = Commit(positions=Positions(index=1, seq=1), at=1.0, decisions=(decision(1),), dead=(letter("1-0"),))
    await store.commit(commit)
    if isinstance(place, InRedis):
        store._number -= 1  # as after an answer that was lost
    await store.commit(commit)
    assert len(await place.log.decisions("", 10)) == len(await place.dead.dead("", 10)) == 1


async def test_a_worker_that_was_replaced_can_write_nothing(place: Any) -> None:
    old, new = place.store(lease_s=0.05), place.store()
    await old.open()
    await old.commit(Commit(positions=Positions(index=1), at=1.0))
    opened = await new.open()
    assert opened.token == 2
    refused = Commit(positions=Positions(index=2, seq=1), at=1.0, decisions=(decision(1),), dead=(letter("1-0"),))
    for attempt in (old.commit(refused), old.renew(), old.checkpoint(state(Positions(index=1), b"x"))):
        with pytest.raises(Fenced):
            await attempt
    await old.close()
    assert await place.log.decisions("", 10) == []
    assert (await place.dead.dead("", 10)) == []
    await new.renew()
    await new.commit(refused)
    assert len(await place.log.decisions("", 10)) == 1


async def test_the_lease_is_waited_for_and_given_back(place: Any) -> None:
    first, second = place.store(lease_s=30), place.store()
    await first.open()
    waiting = asyncio.create_task(second.open())
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done
    await first.renew()
    await first.close()
    assert (await asyncio.wait_for(waiting, 20)).token == 2


async def test_a_worker_that_opens_again_does_not_wait_for_itself(place: Any) -> None:
    store = place.store(lease_s=60)
    assert (await store.open()).token == 1
    await store.commit(Commit(positions=Positions(index=4), at=1.0))
    opened = await asyncio.wait_for(store.open(), 20)
    assert (opened.token, opened.committed.index) == (2, 4)
    await store.commit(Commit(positions=Positions(index=5), at=1.0))


async def test_a_worker_whose_lease_ended_unnoticed_goes_on(place: Any) -> None:
    store = place.store(lease_s=0.01)
    await store.open()
    await asyncio.sleep(0.02)
    await store.commit(Commit(positions=Positions(index=1), at=1.0))
    await store.renew()


async def test_a_checkpoint_of_several_mib_comes_back_as_it_was(place: Any) -> None:
    store = place.store()
    await store.open()
    positions = Positions(index=7, seq=0)
    await store.commit(Commit(positions=positions, at=1.0))
    chunks = [bytes([i]) * (1 << 20) for i in range(5)]
    written = state(positions, *chunks)
    await store.checkpoint(written)
    await store.close()
    store = place.store()
    assert (await store.open()).checkpoint == written

    after = Positions(index=8)
    await store.commit(Commit(positions=after, at=2.0))
    changed = state(after, chunks[0], b"new", chunks[2])
    await store.checkpoint(changed)
    await store.close()
    opened = await place.store().open()
    assert (opened.checkpoint, opened.committed) == (changed, after)


async def test_a_checkpoint_comes_piece_by_piece_while_commits_go_on(place: Any) -> None:
    store = place.store()
    await store.open()
    before, after = Positions(index=7), Positions(index=9)
    await store.commit(Commit(positions=before, at=1.0))
    pieces = (b"one" * 100, b"two")

    async def slowly() -> AsyncIterator[bytes]:
        yield pieces[0]
        await store.commit(Commit(positions=after, at=2.0))
        yield pieces[1]

    await store.checkpoint(state(before), slowly())
    await store.close()
    opened = await place.store().open()
    assert (opened.checkpoint, opened.committed) == (state(before, *pieces), after)


async def test_a_checkpoint_that_breaks_off_leaves_the_one_before(place: Any) -> None:
    store = place.store()
    await store.open()
    positions = Positions(index=7)
    await store.commit(Commit(positions=positions, at=1.0))
    kept = state(positions, b"kept", b"same")
    await store.checkpoint(kept)

    async def broken() -> AsyncIterator[bytes]:
        yield b"another state at the same commit"
        raise RuntimeError("the child died")

    with pytest.raises(RuntimeError, match="the child died"):
        await store.checkpoint(state(positions), broken())
    await store.close()
    assert (await place.store().open()).checkpoint == kept


async def test_a_checkpoint_belongs_to_a_commit_boundary(place: Any) -> None:
    store = place.store()
    await store.open()
    with pytest.raises(Incompatible, match="boundary"):
        await store.checkpoint(state(Positions(index=3), b"x"))


async def test_trimming_keeps_what_is_not_yet_checkpointed(place: Any) -> None:
    store, source = place.store(), place.source()
    await source.seek((await store.open()).committed)
    for index in range(450):
        await place.add(b"%d" % index)
    first = await source.read(300, 0)
    boundary = ends(first, Positions())
    await store.commit(Commit(positions=boundary, at=1.0, entries=tuple(e.id for e in first.entries)))
    second = await source.read(100, 0)
    done = ends(second, boundary)
    await store.commit(Commit(positions=done, at=1.0, entries=tuple(e.id for e in second.entries)))
    await store.checkpoint(state(boundary, b"x"))
    assert 150 <= await place.events() < 300
    kept = await source.history(boundary.events, done.events, 1000)
    assert [entry.id for entry in kept] == [entry.id for entry in second.entries]
    assert len((await source.read(1000, 0)).entries) == 50


async def test_after_a_restart_the_position_rules(place: Any) -> None:
    store, source = place.store(), place.source()
    await source.seek((await store.open()).committed)
    for index in range(30):
        await place.add(b"%d" % index)
    first = await source.read(10, 0)
    positions = ends(first, Positions())
    await store.commit(Commit(positions=positions, at=1.0, entries=tuple(e.id for e in first.entries)))
    lost = await source.read(10, 0)  # delivered, computed perhaps, never committed: pending in the group
    await store.close()

    opened = await place.store().open()
    source = place.source()
    await source.seek(opened.committed)
    found = (await source.read(100, 0)).entries
    assert [entry.id for entry in found[:10]] == [entry.id for entry in lost.entries]
    assert [entry.data for entry in found] == [b"%d" % index for index in range(10, 30)]
    await source.seek(Positions())
    assert len((await source.read(100, 0)).entries) == 30


@pytest.mark.parametrize("wait", [True, False], ids=["answered", "under way"])
async def test_what_is_read_ahead_is_let_go_where_a_commit_fails(place: Any, wait: bool) -> None:
    store, source = place.store(), place.source()
    await source.seek((await store.open()).committed)
    for index in range(40):
        await place.add(b"%d" % index)
        await place.wishes.append(Control(id=f"c{index}", kind="mode", at=1.0, value="observe"))
    reader = ReadAhead(source, Pace(10, 60.0), 0.0)
    found: list[bytes | None] = []
    wished: list[str] = []
    at = Positions()
    for turn in range(4):
        batch = await reader.next(at)
        found += [entry.data for entry in batch.entries]
        wished += [control.id for _, control in batch.controls]
        reader.begin()
        if wait:
            await asyncio.sleep(0.05)
        at = ends(batch, at)
        await store.commit(Commit(positions=at, at=1.0, entries=tuple(e.id for e in batch.entries), tick=batch.tick))
        if turn == 1:  # as a commit does that must be tried again
            await reader.drop()
    await reader.drop()
    assert found == [b"%d" % index for index in range(40)]
    assert wished == [f"c{index}" for index in range(40)]
    await store.close()
    assert (await place.store().open()).committed == at


async def test_history_is_bounded_and_in_order(place: Any) -> None:
    source = place.source()
    await source.seek(Positions())
    ids = [await place.add(b"x") for _ in range(10)]
    assert [e.id for e in await source.history("0-0", ids[7], 3)] == ids[:3]
    assert [e.id for e in await source.history(ids[2], ids[7], 100)] == ids[3:8]
    assert list(await source.history(ids[9], ids[9], 100)) == []


async def test_controls_and_acks_come_once_in_order_with_their_positions(place: Any) -> None:
    source = place.source()
    await source.seek(Positions())
    wishes = [Control(id=f"c{i}", kind="mode", at=1.0, value="observe") for i in range(5)]
    acks = [Ack(command="d1", subject="t/a/run/r", epoch=i, state="received", at=1.0) for i in range(3)]
    for wish in wishes:
        await place.wishes.append(wish)
    await place.acks.acknowledge(acks)
    batch = await source.read(10, 0)
    assert [control for _, control in batch.controls] == wishes
    assert [ack for _, ack in batch.acks] == acks
    empty = await source.read(10, 0)
    assert (empty.controls, empty.acks, empty.entries) == ((), (), ())
    assert abs(empty.tick.at - time.time()) < 5
    positions = Positions(controls=batch.controls[2][0], acks=batch.acks[0][0])
    await source.seek(positions)
    batch = await source.read(10, 0)
    assert ([c.id for _, c in batch.controls], [a.epoch for _, a in batch.acks]) == (["c3", "c4"], [1, 2])
    last = batch.controls[-1][0]
    assert [c.id for c in await source.controls(positions.controls, last)] == ["c3", "c4"]
    assert list(await source.controls(last, last)) == []


@pytest.mark.parametrize("what", ["event", "control", "ack"])
async def test_a_blocked_read_wakes_for_any_input(place: Any, what: str) -> None:
    source = place.source()
    await source.seek(Positions())
    reading = asyncio.create_task(source.read(10, 40.0))
    done, _ = await asyncio.wait([reading], timeout=0.05)
    assert not done
    begun = time.monotonic()
    if what == "event":
        await place.add(b"x")
    elif what == "control":
        await place.wishes.append(Control(id="c", kind="breaker_reset", at=1.0))
    else:
        await place.acks.acknowledge([Ack(command="d", subject="t/a", epoch=1, state="received", at=1.0)])
    batch = await reading
    assert len(batch.entries) + len(batch.controls) + len(batch.acks) == 1
    assert time.monotonic() - begun < 20


async def test_an_empty_read_ends_in_time_and_tells_the_time(place: Any) -> None:
    source = place.source()
    await source.seek(Positions())
    batch = await source.read(10, 0.02)
    assert isinstance(batch.tick, Tick)
    assert (batch.entries, batch.tick.lag, batch.tick.gap) == ((), 0, 0)


async def test_the_lag_counts_what_is_not_read(place: Any) -> None:
    source = place.source()
    await source.seek(Positions())
    for _ in range(25):
        await place.add(b"x")
    assert (await source.read(10, 0)).tick.lag == 15
    assert (await source.read(10, 0)).tick.lag == 5
    assert (await source.read(10, 0)).tick.lag == 0


async def test_a_sinks_cursor_is_kept(place: Any) -> None:
    await place.log.move("mqtt", "5-0")
    await place.log.move("mqtt", "7-0")
    assert (await place.log.cursor("mqtt"), await place.log.cursor("mail")) == ("7-0", None)


async def test_a_dead_letter_goes_back_once(place: Any) -> None:
    store, source = place.store(), place.source()
    await source.seek((await store.open()).committed)
    text, raw = letter("1-0"), msgspec.structs.replace(letter("2-0"), encoding="base64", original={"YWdlbnQ=": "/w=="})
    cut = msgspec.structs.replace(letter("3-0"), cut=True)
    await store.commit(Commit(positions=Positions(index=3), at=1.0, dead=(text, raw, cut)))
    listed = await place.dead.dead("", 10)
    assert [value for _, value in listed] == [cut, raw, text]
    assert await place.dead.dead(listed[0][0], 1) == listed[1:2]
    ids = [await place.dead.requeue(listed[2][0]), await place.dead.requeue(listed[1][0])]
    entries = (await source.read(10, 0)).entries
    assert [(e.id, e.data, e.fields) for e in entries] == [
        (ids[0], b'{"a":1}', None),
        (ids[1], None, {b"agent": b"\xff"}),
    ]
    for gone in (listed[1][0], listed[0][0], "99-9"):
        with pytest.raises(BadRequest):
            await place.dead.requeue(gone)
    assert len(await place.dead.dead("", 10)) == 1

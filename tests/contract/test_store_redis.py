"""What only a server can get wrong: atomicity, key types, losses, zombies, restarts, and bounds."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from agentwatch.connection import RedisOptions, connect
from agentwatch.errors import BadConfig, BadRequest, Fenced, Incompatible, StoreUnavailable
from agentwatch.ingest.stream import RedisSource, StreamOptions
from agentwatch.keys import GROUP, META, keys, partition, partition_of
from agentwatch.records import (
    Change,
    Checkpoint,
    Command,
    Commit,
    DeadLetter,
    Decision,
    LedgerLine,
    LedgerRow,
    Level,
    Positions,
    Tick,
)
from agentwatch.store.dead import RedisDeadLetters
from agentwatch.store.ledger import RedisLedger
from agentwatch.store.log import RedisLog
from agentwatch.store.meta import settle_partitions
from agentwatch.store.redis import RedisStore, StoreOptions
from agentwatch.store.trimming import TrimOptions

K = keys(0)

# Redis itself is tested where it is installed, and must be in CI.
HAS_REDIS = shutil.which("redis-server") or os.environ.get("AGENTWATCH_TEST_REDIS_SERVER") or os.environ.get("CI")
SERVERS = ["valkey", "redis7"] if HAS_REDIS else ["valkey"]


@pytest.fixture(params=[*SERVERS])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    found = connect(request.getfixturevalue(request.param), RedisOptions())
    yield found
    await found.aclose()


def decision(seq: int) -> Decision:
    return Decision(
        id=f"d{seq}", seq=seq, at=1.0, tenant="t", app="a", agent="b", run="r", root_run="r", subject="t/a/run/r",
        kind="repeat", level=Level.kill, change=Change.up,
    )  # fmt: skip


def command(expires_at: float) -> Command:
    return Command(id="d1", cmd="kill", scope="run", subject="t/a/run/r", epoch=1, issued_at=1.0, expires_at=expires_at)


def line(agent: str, **sums: int) -> LedgerLine:
    return LedgerLine(day="2026-01-01", tenant="t|x", team="", app="a", agent=agent, model="m", **sums)


def full(ids: tuple[str, ...] = (), seq: int = 1) -> Commit:
    letter = DeadLetter(id="1-0", entry="1-0", at=1.0, reason="r", field="f", original={"data": "x"})
    return Commit(
        positions=Positions(index=1, seq=seq),
        at=1.0,
        entries=ids,
        decisions=(decision(seq),),
        commands=(command(time.time() + 60),),
        dead=(letter,),
        ledger=LedgerRow.of([line("b", events=1)]),
    )


async def dump(client: Any) -> dict[bytes, bytes]:
    names = [name for name in await client.execute_command("KEYS", "*") if name != K.owner.encode()]
    return {name: await client.execute_command("DUMP", name) for name in sorted(names)}


@pytest.mark.parametrize(
    "name",
    [K.events, K.decisions, K.incidents, K.dead, K.inputs, K.standing, K.committed, K.owed],
)
async def test_a_key_of_another_type_refuses_the_whole_commit(client: Any, name: str) -> None:
    store = RedisStore(client, 0)
    await store.open()
    await client.execute_command("SET", name, "x")
    before = await dump(client)
    with pytest.raises(Incompatible, match="is a string"):
        await store.commit(full())
    assert await dump(client) == before
    await client.execute_command("DEL", name)
    await store.commit(full())


@pytest.mark.parametrize("name", [K.events, K.controls, K.acks])
async def test_what_lies_in_place_of_a_stream_is_named(client: Any, name: str) -> None:
    source = RedisSource(client, 0)
    await source.seek(Positions())
    await client.execute_command("DEL", name)
    await client.execute_command("SET", name, "x")
    with pytest.raises(Incompatible, match=re.escape(f"{name} is a string, not a stream")):
        await source.read(10, 0.0)


async def test_a_full_server_refuses_the_whole_commit(client: Any) -> None:
    store = RedisStore(client, 0)
    await store.open()
    before = await dump(client)
    await client.execute_command("CONFIG", "SET", "maxmemory", "1000")
    try:
        with pytest.raises(StoreUnavailable):
            await store.commit(full())
        assert await dump(client) == before
    finally:
        await client.execute_command("CONFIG", "SET", "maxmemory", "0")
    await store.commit(full())


async def test_a_refused_token_leaves_no_trace(client: Any) -> None:
    old = RedisStore(client, 0, StoreOptions(lease_s=0.01))
    await old.open()
    await RedisStore(client, 0, StoreOptions(poll_s=0.01)).open()
    before = await dump(client)
    with pytest.raises(Fenced):
        await old.commit(full())
    assert await dump(client) == before


async def test_a_log_that_is_ahead_of_the_state_is_named(client: Any) -> None:
    store = RedisStore(client, 0)
    await store.open()
    await client.execute_command("XADD", K.decisions, "5-0", "data", "{}")
    with pytest.raises(Incompatible, match="holds 5"):
        await store.commit(full())


async def test_a_store_that_went_back_in_time_is_noticed(client: Any) -> None:
    store = RedisStore(client, 0)
    await store.open()
    await store.commit(full())
    await client.execute_command("HSET", K.committed, "number", 0)
    with pytest.raises(Fenced, match="went back"):
        await store.commit(full(seq=2))
    await client.execute_command("FLUSHALL")
    with pytest.raises(Fenced):
        await store.commit(full(seq=2))


async def test_entries_are_acknowledged_with_the_commit_however_many(client: Any) -> None:
    store, source = RedisStore(client, 0), RedisSource(client, 0)
    await source.seek((await store.open()).committed)
    async with client.pipeline(transaction=False) as pipe:
        for _ in range(2500):
            pipe.execute_command("XADD", K.events, "*", "data", "x")
        await pipe.execute()
    batch = await source.read(2500, 0)
    ids = tuple(entry.id for entry in batch.entries)
    assert len(ids) == 2500
    assert (await client.execute_command("XPENDING", K.events, GROUP))[0] == 2500
    await store.commit(Commit(positions=Positions(events=ids[-1], index=2500), at=1.0, entries=ids, tick=batch.tick))
    assert (await client.execute_command("XPENDING", K.events, GROUP))[0] == 0


async def test_a_control_key_expires_by_itself_and_wakes_its_subject(client: Any) -> None:
    store = RedisStore(client, 0)
    await store.open()
    async with client.pubsub() as pubsub:
        await pubsub.subscribe(K.signal("t/a/run/r"))
        await pubsub.get_message(timeout=20)
        await store.commit(full())
        message = await pubsub.get_message(timeout=20)
        assert message["data"] == b"1"
        left = await client.execute_command("PTTL", K.control("t/a/run/r"))
        assert 50_000 < left <= 60_000
        await store.commit(Commit(positions=Positions(index=2, seq=1), at=1.0, cleared=("t/a/run/r",)))
        assert (await pubsub.get_message(timeout=20))["data"] == b"0"
        assert await client.execute_command("EXISTS", K.control("t/a/run/r")) == 0


async def test_the_ledger_adds_up_and_is_bounded(client: Any) -> None:
    store = RedisStore(client, 0, StoreOptions(ledger_fields=4))
    await store.open()
    sums = {"events": 1, "input_tokens": 5, "cost_nusd": 7}
    for index, agents in enumerate((("a", "b"), ("a", "c", "d/e|f"), ("b",))):
        lines = tuple(line(agent, **sums) for agent in agents)
        await store.commit(Commit(positions=Positions(index=index + 1), at=1.0, ledger=LedgerRow.of(lines)))
        await store.renew()
    found = {item.agent: (item.tenant, item.app, item.events, item.cost_nusd) for item in await lines_of(client)}
    assert found == {
        "a": ("t|x", "a", 2, 14),
        "b": ("t|x", "a", 2, 14),
        "": ("t|x", "(other)", 2, 14),
    }
    assert await client.execute_command("TTL", K.ledger("2026-01-01")) > 399 * 86400


async def lines_of(client: Any) -> Any:
    return await RedisLedger(client, 0).lines("2026-01-01")


async def test_what_commits_owe_to_the_ledger_is_added_once_whoever_comes_next(client: Any) -> None:
    store = RedisStore(client, 0, StoreOptions(lease_s=0.01))
    await store.open()
    for index in range(120):  # more rows than are settled at once
        lines = (line(f"a{index % 3}", events=1, cost_nusd=5), line("b", events=2))
        await store.commit(Commit(positions=Positions(index=index + 1), at=1.0, ledger=LedgerRow.of(lines)))
        if index == 70:
            await store.renew()
    assert await client.execute_command("LLEN", K.owed) == 49
    commit = Commit(positions=Positions(index=121), at=1.0, ledger=LedgerRow.of([line("b", events=1)]))
    await store.commit(commit)
    store._number -= 1
    await store.commit(commit)  # as after an answer that was lost
    await asyncio.sleep(0.02)
    other = RedisStore(client, 0, StoreOptions(poll_s=0.01))
    await other.open()  # as after a crash
    with pytest.raises(Fenced):
        await store._owed.settle(1)
    await other.close()
    assert await client.execute_command("EXISTS", K.owed) == 0
    found = {item.agent: (item.events, item.cost_nusd) for item in await lines_of(client)}
    assert found == {"b": (241, 0), "a0": (40, 200), "a1": (40, 200), "a2": (40, 200)}


async def test_many_lines_are_added_in_several_steps_each_of_which_may_be_the_last(client: Any) -> None:
    store = RedisStore(client, 0, StoreOptions(lease_s=0.01, poll_s=0.01))
    await store.open()
    days = ("2026-01-01", "2026-01-02")
    many = [replace(line(f"a{i}", events=1, cost_nusd=3), day=day) for day in days for i in range(600)]
    huge = line("huge", events=1, cost_nusd=2**60 + 1)  # no double holds it
    for index in range(7):
        await store.commit(Commit(positions=Positions(index=index + 1), at=1.0, ledger=LedgerRow.of([*many, huge])))
    await client.execute_command("RPUSH", K.owed, b"of another version")
    real = store._owed._script.run

    for steps in (0, 1, 1, 2):  # so many are done, then it dies; whoever comes next goes on
        done = 0

        async def run(*asked: Any) -> Any:
            nonlocal done
            if done == steps:  # noqa: B023
                raise StoreUnavailable("died")
            done += 1
            return await real(*asked)

        store._owed._script.run = run  # type: ignore[method-assign]
        with pytest.raises(StoreUnavailable):
            await store.renew()
        await asyncio.sleep(0.02)
        store = RedisStore(client, 0, StoreOptions(lease_s=0.01, poll_s=0.01))
        await store.open()
    assert 1 <= await client.execute_command("LLEN", K.owed) <= 3  # what is left, and what cannot be read
    assert "cannot be read" in await store.renew()
    assert await client.execute_command("LRANGE", K.owed, 0, -1) == [b"of another version"]
    for day in days:
        found = {item.agent: (item.events, item.cost_nusd) for item in await RedisLedger(client, 0).lines(day)}
        expected = {f"a{i}": (7, 21) for i in range(600)}
        assert found == expected | ({"huge": (7, 7 * (2**60 + 1))} if day == days[0] else {})


async def test_what_was_settled_already_is_not_settled_again(client: Any) -> None:
    store = RedisStore(client, 0)
    await store.open()
    await store.commit(full())
    [row] = await client.execute_command("LRANGE", K.owed, 0, -1)
    await store.renew()
    await client.execute_command("RPUSH", K.owed, row)
    late = await store._owed._add(1, 0, [row], {})  # the same once more, as a server does that was only slow to answer
    assert not late
    assert [item.events for item in await lines_of(client)] == [1]
    assert await client.execute_command("LLEN", K.owed) == 1
    await asyncio.gather(*(store.renew() for _ in range(5)))
    assert [item.events for item in await lines_of(client)] == [2]


async def test_a_ledger_of_another_type_is_named_and_what_is_owed_is_kept(client: Any) -> None:
    store = RedisStore(client, 0)
    await store.open()
    await client.execute_command("SET", K.ledger("2026-01-01"), "x")
    await client.execute_command("RPUSH", K.owed, b"of another version")
    for index in range(120):  # more than are settled at once
        lines = (line("b", events=1, cost_nusd=2**70), replace(line("b", events=2), day="2026-01-02"))
        await store.commit(Commit(positions=Positions(index=index + 1), at=1.0, ledger=LedgerRow.of(lines)))
        if index % 40 == 0:
            why = await store.renew()
            assert f"{K.ledger('2026-01-01')} is a string, not a hash; what is owed to it is kept" in why
            assert "a row that is owed to the ledgers cannot be read" in why
    await store.renew()
    assert [item.events for item in await RedisLedger(client, 0).lines("2026-01-02")] == [240]
    assert await client.execute_command("LLEN", K.owed) <= 4
    await client.execute_command("DEL", K.ledger("2026-01-01"))
    await client.execute_command("LREM", K.owed, 0, b"of another version")
    assert await store.renew() == ""
    assert [(item.events, item.cost_nusd) for item in await lines_of(client)] == [(120, 2**63 - 1)]
    assert await client.execute_command("EXISTS", K.owed) == 0


async def test_amounts_beyond_any_integer_are_cut_in_what_is_owed(client: Any) -> None:
    store = RedisStore(client, 0)
    await store.open()
    for index in range(3):
        await store.commit(
            Commit(positions=Positions(index=index + 1), at=1.0, ledger=LedgerRow.of([line("a", cost_nusd=2**70)]))
        )
    await store.renew()
    assert [item.cost_nusd for item in await lines_of(client)] == [2**63 - 1]


async def test_a_sum_out_of_range_does_not_stop_the_commit(client: Any) -> None:
    store = RedisStore(client, 0)
    await store.open()
    for index in range(2):
        huge = line("a", events=1, cost_nusd=2**63 - 1)
        await store.commit(Commit(positions=Positions(index=index + 1), at=1.0, ledger=LedgerRow.of([huge])))
        with capture_logs() as logged:
            await store.renew()
    [found] = await lines_of(client)
    assert (found.events, found.cost_nusd) == (2, 2**63 - 1)
    assert await client.execute_command("HGET", K.committed, "ledger_refused") == b"1"
    assert [(entry["event"], entry["sums"]) for entry in logged] == [("ledger_sums_out_of_range", 1)]


async def test_unchanged_chunks_are_not_written_again_and_old_ones_go(client: Any) -> None:
    store = RedisStore(client, 0)
    await store.open()
    for index, chunks in enumerate(((b"a", b"b"), (b"a", b"c"), (b"a", b"a"))):
        positions = Positions(index=index + 1)
        await store.commit(Commit(positions=positions, at=1.0))
        await store.checkpoint(Checkpoint(positions=positions, format=1, policy_digest="", at=1.0, chunks=chunks))
        names = await client.execute_command("KEYS", K.prefix + "state:*")
        assert len(names) == len(set(chunks))
        assert [await client.execute_command("TTL", name) for name in names] == [-1] * len(names)
    assert await client.execute_command("EXISTS", K.state("1-1-1", 0)) == 1


async def test_a_worker_that_dies_in_a_checkpoint_leaves_the_one_before(client: Any) -> None:
    store = RedisStore(client, 0)
    await store.open()
    positions = Positions(index=1)
    await store.commit(Commit(positions=positions, at=1.0))
    kept = Checkpoint(positions=positions, format=1, policy_digest="", at=1.0, chunks=(b"a",))
    await store.checkpoint(kept)
    await client.execute_command("SET", K.state("1-2-2", 0), b"half", "EX", 900)
    await store.close()
    assert (await RedisStore(client, 0).open()).checkpoint == kept


async def test_a_checkpoint_that_is_not_what_was_written_is_refused_by_name(client: Any) -> None:
    store = RedisStore(client, 0)
    await store.open()
    positions = Positions(index=1)
    await store.commit(Commit(positions=positions, at=1.0))
    await store.checkpoint(Checkpoint(positions=positions, format=1, policy_digest="", at=1.0, chunks=(b"a",)))
    await store.close()
    await client.execute_command("SET", K.state("1-1-1", 0), b"b")
    with pytest.raises(Incompatible, match=r"state:1-1-1:0 is not what was written"):
        await RedisStore(client, 0).open()
    await client.execute_command("DEL", K.state("1-1-1", 0))
    await client.execute_command("DEL", K.owner)
    with pytest.raises(Incompatible, match="is missing"):
        await RedisStore(client, 0).open()


async def test_logs_keep_what_a_live_sink_has_not_confirmed(client: Any) -> None:
    options = StoreOptions(trim=TrimOptions(keep=100, hard=1000))
    store, log = RedisStore(client, 0, options), RedisLog(client, 0)
    await store.open()
    seq = 0

    async def grow(count: int) -> int:
        nonlocal seq
        decisions = tuple(decision(seq + i + 1) for i in range(count))
        seq += count
        positions = Positions(index=seq, seq=seq)
        await store.commit(Commit(positions=positions, at=1.0, decisions=decisions))
        await store.checkpoint(Checkpoint(positions=positions, format=1, policy_digest="", at=1.0, chunks=()))
        return int(await client.execute_command("XLEN", K.decisions))

    await log.move("mqtt", "150-0")
    await grow(300)
    assert (await log.decisions("", 1))[0][1].seq <= 150
    await grow(400)
    assert (await log.decisions("", 1))[0][1].seq <= 150
    assert await grow(700) <= 1100
    await log.move("mqtt", "1400-0")
    assert await grow(1) <= 300


async def test_a_zombie_that_reads_on_steals_nothing(client: Any) -> None:
    zombie, source = RedisSource(client, 0), RedisSource(client, 0)
    await zombie.seek(Positions())
    await source.seek(Positions())
    ids = [(await client.execute_command("XADD", K.events, "*", "data", "x")).decode() for _ in range(30)]
    assert len((await zombie.read(10, 0)).entries) == 10
    found: list[str] = []
    while batch := (await source.read(4, 0)).entries:
        found += [entry.id for entry in batch]
        await client.execute_command("XREADGROUP", "GROUP", GROUP, "worker", "COUNT", 3, "STREAMS", K.events, ">")
    assert found == ids
    assert source.redelivered > 0


async def test_a_stream_or_group_that_was_deleted_is_made_again(client: Any) -> None:
    source = RedisSource(client, 0)
    await source.seek(Positions())
    await client.execute_command("XADD", K.events, "*", "data", "a")
    assert len((await source.read(10, 0)).entries) == 1
    await client.execute_command("XGROUP DESTROY", K.events, GROUP)
    await client.execute_command("XADD", K.events, "*", "data", "b")
    assert [entry.data for entry in (await source.read(10, 0)).entries] == [b"b"]
    await client.execute_command("DEL", K.events)
    assert (await source.read(10, 0)).entries == ()
    await client.execute_command("XADD", K.events, "*", "data", "c")
    assert [entry.data for entry in (await source.read(10, 0)).entries] == [b"c"]


async def add(client: Any, count: int) -> None:
    async with client.pipeline(transaction=False) as pipe:
        for _ in range(count):
            pipe.execute_command("XADD", K.events, "*", "data", "x")
        await pipe.execute()


async def test_entries_lost_to_a_cap_are_reported_by_number_once(client: Any) -> None:
    store, source = RedisStore(client, 0), RedisSource(client, 0)
    await source.seek((await store.open()).committed)
    await add(client, 20)
    batch = await source.read(10, 0)
    assert batch.tick.gap == 0
    await client.execute_command("XTRIM", K.events, "MAXLEN", 4)  # 6 unread ones are lost
    batch = await source.read(2, 0)
    assert (batch.tick.gap, batch.tick.lag, len(batch.entries)) == (6, 2, 2)
    positions = Positions(events=batch.entries[-1].id, index=12)
    ids = tuple(entry.id for entry in batch.entries)
    await store.commit(Commit(positions=positions, at=1.0, tick=batch.tick, entries=ids))
    await client.execute_command("HINCRBY", K.committed, "entries", 10)  # the first ten, committed in one step here
    batch = await source.read(10, 0)
    assert (batch.tick.gap, batch.tick.lag, len(batch.entries)) == (0, 0, 2)

    await add(client, 50)  # the daemon is down, and a producer caps the stream
    await client.execute_command("XTRIM", K.events, "MAXLEN", 5)
    source = RedisSource(client, 0)
    await source.seek(positions)
    batch = await source.read(1, 0)
    assert (batch.tick.gap, batch.tick.lag) == (2 + 45, 4)
    assert (await source.read(10, 0)).tick.gap == 0


async def test_a_stream_that_was_trimmed_before_we_came_has_no_gap(client: Any) -> None:
    await add(client, 20)
    await client.execute_command("XTRIM", K.events, "MAXLEN", 5)
    source = RedisSource(client, 0)
    await source.seek(Positions())
    batch = await source.read(2, 0)
    assert (batch.tick.gap, batch.tick.lag) == (0, 3)


async def test_the_hard_limit_drops_the_oldest_and_says_so(client: Any) -> None:
    source = RedisSource(client, 0, StreamOptions(hard_max=300))
    await source.seek(Positions())
    await add(client, 1000)
    assert len((await source.read(10, 0)).entries) == 10
    batch = await source.read(10, 0)
    assert batch.tick.gap >= 500
    assert int(await client.execute_command("XLEN", K.events)) <= 400


async def test_large_entries_make_small_batches(client: Any) -> None:
    source = RedisSource(client, 0, StreamOptions(max_batch_bytes=100_000))
    await source.seek(Positions())
    for _ in range(30):
        await client.execute_command("XADD", K.events, "*", "data", b"x" * 20_000)
    await source.read(2, 0)
    assert len((await source.read(1000, 0)).entries) == 5


async def test_unreadable_controls_are_passed_over(client: Any) -> None:
    source = RedisSource(client, 0)
    await source.seek(Positions())
    await client.execute_command("XADD", K.controls, "*", "data", b'{"id":')
    await client.execute_command("XADD", K.controls, "*", "other", b"\xff")
    await client.execute_command("XADD", K.controls, "*", "data", b'{"id":"c","kind":"breaker_reset","at":1}')
    assert [control.id for _, control in (await source.read(10, 0)).controls] == ["c"]
    assert (await source.read(10, 0)).controls == ()


async def test_flat_entries_and_entries_with_data_are_told_apart(client: Any) -> None:
    source = RedisSource(client, 0)
    await source.seek(Positions())
    await client.execute_command("XADD", K.events, "*", "agent", "bot", "input", "x")
    await client.execute_command("XADD", K.events, "*", "note", "n", "data", "{}")
    entries = (await source.read(10, 0)).entries
    assert (entries[0].data, entries[0].fields) == (None, {b"agent": b"bot", b"input": b"x"})
    assert (entries[1].data, entries[1].fields) == (b"{}", None)


async def test_positions_that_are_none_are_bad_requests(client: Any) -> None:
    with pytest.raises(BadRequest, match="after"):
        await RedisLog(client, 0).decisions("yesterday", 10)
    with pytest.raises(BadRequest, match="before"):
        await RedisDeadLetters(client, 0).dead("(1-0", 10)
    with pytest.raises(BadRequest, match="id"):
        await RedisDeadLetters(client, 0).requeue("*")


async def test_the_number_of_partitions_is_settled_once(client: Any) -> None:
    assert await settle_partitions(client) == 1
    assert await client.execute_command("HGET", META, "partitions") == b"1"
    await client.execute_command("HSET", META, "partitions", 4)
    assert await settle_partitions(client) == 4


def test_an_app_and_all_its_subjects_share_a_partition() -> None:
    for app in ("a", "b/c", "ü+%"):
        index = partition("t", app, 8)
        from agentwatch.subject import app_subject, run_subject, task_subject

        subjects = (app_subject("t", app), run_subject("t", app, "r/1"), task_subject("t", app, "x", "y"))
        assert {partition_of(subject, 8) for subject in subjects} == {index}
    assert partition("t", "a", 1) == 0


async def test_a_dead_servers_calls_are_unavailable_not_crashes() -> None:
    client = connect("redis://127.0.0.1:1", RedisOptions(connect_timeout_s=0.5))
    for call in (
        RedisStore(client, 0).open(),
        RedisSource(client, 0).seek(Positions()),
        RedisSource(client, 0).read(1, 0),
        RedisLog(client, 0).standing(),
        settle_partitions(client),
    ):
        with pytest.raises(StoreUnavailable):
            await call
    await client.aclose()
    with pytest.raises(BadConfig):
        connect("http://nowhere", RedisOptions())


async def test_everything_survives_a_server_that_is_killed(own_valkey: Any) -> None:
    client = connect(own_valkey.url, RedisOptions())
    store, source = RedisStore(client, 0), RedisSource(client, 0)
    await source.seek((await store.open()).committed)
    await add(client, 20)
    batch = await source.read(10, 0)
    positions = Positions(events=batch.entries[-1].id, index=10, seq=1)
    ids = tuple(entry.id for entry in batch.entries)
    await store.commit(Commit(positions=positions, at=1.0, entries=ids, decisions=(decision(1),), tick=Tick(1.0)))
    state = Checkpoint(positions=positions, format=1, policy_digest="", at=1.0, chunks=(b"x" * 100_000,))
    await store.checkpoint(state)
    await source.read(10, 0)
    await own_valkey.kill()
    with pytest.raises(StoreUnavailable):
        await store.renew()
    with pytest.raises(StoreUnavailable):
        await source.read(10, 0)
    await own_valkey.start()
    after = Commit(positions=Positions(events=ids[-1], index=10, seq=2), at=1.0, decisions=(decision(2),))
    await store.commit(after)
    await store.close()
    opened = await RedisStore(client, 0).open()
    assert (opened.committed, opened.checkpoint, opened.token) == (after.positions, state, 2)
    source = RedisSource(client, 0)
    await source.seek(opened.committed)
    batch = await source.read(100, 0)
    assert (len(batch.entries), batch.tick.lag, batch.tick.gap) == (10, 0, 0)
    await client.aclose()


_HOLDER = """
import asyncio, sys
from agentwatch.connection import RedisOptions, connect
from agentwatch.store.redis import RedisStore

async def main():
    await RedisStore(connect(sys.argv[1], RedisOptions()), 0).open()
    print("held", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_the_lease_of_a_killed_process_on_this_machine_is_taken_over_at_once(valkey: str) -> None:
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _HOLDER, valkey, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert holder.stdout is not None
    while b"held" not in await holder.stdout.readline():
        pass
    client = connect(valkey, RedisOptions())
    waiting = asyncio.create_task(RedisStore(client, 0, StoreOptions(poll_s=0.02)).open())
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done
    holder.kill()
    await holder.communicate()
    assert (await asyncio.wait_for(waiting, 20)).token == 2
    await client.aclose()

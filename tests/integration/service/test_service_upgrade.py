"""A rolling upgrade: the new worker takes over what the old one left, and the old one leaves the new one's alone."""

import asyncio
import gzip
import json
import sys
from pathlib import Path

import msgspec

from agentwatch import checkpointing
from agentwatch.keys import keys
from agentwatch.records import Checkpoint, Commit, Level
from agentwatch.store.redis import RedisStore, StoreOptions

K = keys(0)
GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "checkpoint-format-1.msgpack.gz"


async def left_by_the_old_version(store: RedisStore) -> Checkpoint:
    """Write what 0.1.0 left behind: its last commit, and its checkpoint of format 1."""
    stored = msgspec.msgpack.decode(gzip.decompress(GOLDEN.read_bytes()), type=Checkpoint)
    await store.open()
    await store.commit(Commit(positions=stored.positions, at=stored.at))
    await store.checkpoint(stored)
    return stored


async def test_the_new_worker_waits_beside_the_old_one_and_takes_over_all_that_stands(valkey, bench, poll):
    new = bench(valkey)
    old = RedisStore(new.client, 0, StoreOptions())
    stored = await left_by_the_old_version(old)
    async with new.running_beside(old.close):
        standing = new.worker.pipeline.ledgers.standing
        killed = [d.subject for d in standing if d.level is Level.kill]
        assert len(killed) >= 2
        assert standing.effective("default/by-hand").author == "olivia"
        assert new.worker.pipeline.positions == stored.positions
        await new.send(0, 30)
        await new.committed(stored.positions.index + 30)
        decided = await new.decided()
        assert [d.seq for d in decided] == [stored.positions.seq + 1 + at for at in range(len(decided))]
        assert any(d.subject == "default/bot/run/r1" and d.level is Level.kill for d in decided)
        assert not [d for d in decided if d.subject in killed and d.change.value == "up"]


async def test_the_state_is_written_back_in_the_new_format(valkey, bench):
    first = bench(valkey)
    old = RedisStore(first.client, 0, StoreOptions())
    await left_by_the_old_version(old)
    await old.close()
    async with first.running():
        await first.send(0, 5)
        await first.committed(245)
    second = bench(valkey)
    pointer = json.loads(await second.client.execute_command("GET", K.checkpoint))
    assert pointer["format"] == checkpointing.FORMAT
    async with second.running():
        assert second.worker.pipeline.positions.index == 245
        assert [e.pattern for e in second.worker.pipeline.ledgers.gate.allow.state().entries] == ["default/pingpong"]


async def test_an_old_worker_leaves_a_newer_state_alone_and_stands_by(valkey, bench, poll):
    first = bench(valkey)
    async with first.running():
        await first.send(0, 5)
        await first.committed(5)
    old = bench(valkey)
    pointer = json.loads(await old.client.execute_command("GET", K.checkpoint))
    newer = msgspec.json.encode({**pointer, "format": checkpointing.FORMAT + 1})
    await old.client.execute_command("SET", K.checkpoint, newer)
    task = asyncio.create_task(old.worker.run())
    await poll(lambda: "newer version" in old.worker.trouble)
    assert not old.worker.ready
    assert not task.done()
    await old.client.execute_command("SET", K.checkpoint, msgspec.json.encode(pointer))
    await poll(lambda: old.worker.ready)
    assert old.worker.pipeline.positions.index == 5
    old.worker.stop()
    await asyncio.wait_for(task, 10)
    await old.client.aclose()


async def test_what_was_read_is_let_go_once_it_is_taken_over(valkey, bench):
    new = bench(valkey)
    old = RedisStore(new.client, 0, StoreOptions())
    await left_by_the_old_version(old)
    await old.close()
    real, read = new.worker._store.open, []

    async def remembered():
        opened = await real()
        read.append(opened.checkpoint.chunks[0])
        return opened

    new.worker._store.open = remembered
    async with new.running():
        held = sys.getrefcount(read[0])  # by the list above, and by the question itself
    assert held == 2

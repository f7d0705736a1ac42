"""The worker over its real store: outages, lost leases, restarts, and requests that wait for their commit."""

import asyncio
import time

import msgspec
import pytest

from agentwatch.config import WorkerOptions
from agentwatch.errors import BadRequest, StoreUnavailable
from agentwatch.keys import keys
from agentwatch.observe import metrics
from agentwatch.records import AllowEntry, Control, Level
from agentwatch.service.decided import Decided
from agentwatch.service.operations import OperatorDesk
from agentwatch.store.controls import RedisControls
from agentwatch.views import DecisionFilter

K = keys(0)
RUN = "default/bot/run/r1"


def desk_of(found, wait_s: float = 5.0) -> OperatorDesk:
    return OperatorDesk(found.worker, RedisControls(found.nodes), found.hub, wait_s)


def wish(kind: str, **fields: object) -> Control:
    given = {"id": f"{kind}-{time.monotonic_ns()}", "kind": kind, "at": time.time(), "author": "olivia"}
    return Control(**{**given, **fields})


async def test_an_outage_keeps_the_state_and_loses_and_doubles_nothing(own_valkey, bench, poll):
    found = bench(own_valkey.url)
    async with found.running():
        await found.send(0, 5)
        await found.committed(5)
        kept = found.worker.pipeline
        await own_valkey.kill()
        await poll(lambda: not found.worker.ready)
        assert metrics().owner._value.get() == 0
        beats = found.beats
        await poll(lambda: found.beats > beats)  # the service manager must not take it for hung
        await own_valkey.start()
        await poll(lambda: found.worker.ready)
        await found.send(5, 20)
        await found.committed(20)
        assert found.worker.pipeline is kept
        decided = await found.decided()
        assert [d.seq for d in decided] == list(range(1, len(decided) + 1))
        assert any(d.level is Level.kill for d in decided)
        assert metrics().owner._value.get() == 1


async def test_numbers_go_on_behind_what_guards_were_told_and_the_store_forgot(valkey, bench):
    found = bench(valkey)
    async with found.running():
        found.worker.hear(40)
        found.worker.hear(1 << 60)  # not to be believed
        await found.send(0, 30)
        await found.committed(30)
        decided = await found.decided()
    assert [d.seq for d in decided] == list(range(41, 41 + len(decided)))
    again = bench(valkey)
    async with again.running():
        assert again.worker.pipeline.positions.seq == decided[-1].seq
        assert again.worker.pipeline.ledgers.standing.get(RUN).level is Level.kill


async def test_a_commit_in_hand_is_written_once_the_store_is_back(own_valkey, bench, poll, monkeypatch):
    found = bench(own_valkey.url)
    async with found.running():
        real, calls = found.worker._store.commit, []

        async def commit(what):
            calls.append(what)
            if len(calls) == 1:  # the store dies between reading and writing
                await own_valkey.kill()
            await real(what)

        monkeypatch.setattr(found.worker._store, "commit", commit)
        await found.send(0, 12)
        await poll(lambda: len(calls) > 2)
        await own_valkey.start()
        await found.committed(12)
        assert all(call is calls[0] for call in calls[: calls.index(calls[-1]) + 1])
        assert len(await found.decided()) == len(calls[0].decisions) > 0


async def test_what_was_read_before_an_outage_is_read_again_with_its_time(own_valkey, bench, poll, monkeypatch):
    """A gate that judged staleness by a tick of before the outage would take what is old for fresh."""
    found = bench(own_valkey.url)
    async with found.running():
        found.worker._inputs.pace.limit = found.worker._inputs.pace._most = 4
        for number in (1, 2):  # the reads under way had asked for more
            await found.send(number - 1, number)
            await found.committed(number)
        step, seen, gone = found.worker.pipeline.step, [], []

        def stepped(batch):
            seen.append(batch)
            return step(batch)

        real, failed = found.worker._store.commit, []

        async def commit(what):
            if not failed:
                failed.append(what)
                await poll(found.worker._inputs._ahead.done)  # the next batch is here, and the store goes
                await own_valkey.kill()
                gone.append(time.time())
            await real(what)

        monkeypatch.setattr(found.worker.pipeline, "step", stepped)
        monkeypatch.setattr(found.worker._store, "commit", commit)
        await found.send(2, 14)
        await poll(lambda: not found.worker.ready)
        await own_valkey.start()
        await found.committed(14)
        entries = [entry.id for batch in seen for entry in batch.entries]
        assert entries == sorted(set(entries), key=lambda name: tuple(map(int, name.split("-"))))
        assert len(entries) == 12
        later = [batch for batch in seen if batch.entries][1:]
        assert later
        assert all(batch.tick.at >= gone[0] for batch in later)


async def test_a_worker_that_lost_its_lease_writes_no_more_and_takes_over_again(valkey, bench, poll):
    patient = WorkerOptions(block_s=0.05, retry_s=2.0, retry_max_s=2.0, renew_s=0.1, answer_s=5.0)
    first, second = bench(valkey, patient, lease_s=0.4), bench(valkey, lease_s=0.4)
    async with first.running():
        await first.send(0, 4)
        await first.committed(4)
        # It notices within its renewals, and rests then: the other one is there first.
        await first.client.execute_command("DEL", K.owner)  # as if it had been away for longer than its lease
        async with second.running():
            assert second.worker.pipeline.positions == first.worker.pipeline.positions
            await poll(lambda: not first.worker.ready)
            assert first.hub.recent.after("0-0", 10) is None, "what others write is read from the log"
            await second.send(4, 20)
            await second.committed(20)
            assert not first.worker.ready
            assert "token" in first.worker.trouble or "taken over" in first.worker.trouble
            beats = first.beats
            await poll(lambda: first.beats > beats)  # waiting for a lease is no hanging
            decided = await second.decided()
        await poll(lambda: first.worker.ready)
        assert first.worker.pipeline.positions.index == 20
        assert first.worker.pipeline.ledgers.standing.get(RUN).level is Level.kill
        assert await first.decided() == decided


async def test_a_worker_that_waits_for_a_lease_stops_at_once(valkey, bench):
    first, second = bench(valkey), bench(valkey)
    async with first.running():
        waiting = asyncio.create_task(second.worker.run())
        await asyncio.sleep(0)
        second.worker.stop()
        await asyncio.wait_for(waiting, 30)  # the first one lives for longer
    await second.client.aclose()


async def test_a_restart_continues_from_the_checkpoint_and_knows_what_was_decided(valkey, bench):
    first = bench(valkey)
    async with first.running():
        await first.send(0, 6)
        await first.committed(6)
    assert metrics().checkpoint_bytes._value.get() > 0
    second = bench(valkey)
    async with second.running():
        run = second.worker.pipeline.parts.bank.fleet.run(RUN)
        assert run.events == 6
        assert [d.seq for d in second.worker.tally.recent] == [d.seq for d in await second.decided()]
        await second.send(6, 12)
        await second.committed(12)
        assert any(d.level is Level.kill for d in await second.decided())


async def test_wishes_between_a_checkpoint_and_a_crash_are_not_lost(valkey, bench):
    first = bench(valkey, lease_s=0.3)
    async with first.running(crash=True):
        desk = desk_of(first)
        await desk.submit(wish("mode", value="observe"))
        entry = AllowEntry(pattern="x/*", author="o", created_at=time.time(), expires_at=time.time() + 999)
        await desk.submit(wish("allow_add", entry=entry))
        paused = (await desk.submit(wish("decide", subject=RUN, level=Level.pause))).decision
        assert await first.client.execute_command("GET", K.checkpoint) is None
    second = bench(valkey, lease_s=0.3)
    async with second.running():
        desk = desk_of(second)
        assert desk.mode()[0] == "observe"
        assert [e.pattern for e in desk.allow_list()] == ["x/*"]
        assert second.worker.pipeline.ledgers.standing.get(RUN) == paused
        assert second.worker.pipeline.positions.controls == first.worker.pipeline.positions.controls


async def test_a_wish_is_answered_when_it_is_committed(valkey, bench):
    found = bench(valkey)
    async with found.running():
        desk = desk_of(found)
        answer = await desk.submit(wish("decide", subject=RUN, level=Level.throttle, limit=2))
        assert answer.decision in await found.decided()
        assert (await desk.submit(wish("mode", value="observe"))).decision is None
        with pytest.raises(BadRequest, match="no decision"):
            await desk.submit(wish("delete", target="d0-99"))
        with pytest.raises(BadRequest, match="not a subject"):
            await desk.submit(wish("decide", subject="a/b/c", level=Level.kill))
        with pytest.raises(BadRequest, match="reload"):
            await desk.submit(wish("policy"))
        assert found.hub._waiting == {}


async def test_nobody_waits_for_ever_and_nobody_waits_for_another_partition(valkey, bench):
    found = bench(valkey)
    with pytest.raises(StoreUnavailable, match="queued"):
        await desk_of(found, 0.05).submit(wish("mode", value="observe"))
    assert found.hub._waiting == {}
    elsewhere = OperatorDesk(found.worker, RedisControls(found.nodes), found.hub, 60, mine=lambda _: False)
    assert (await elsewhere.submit(wish("decide", subject=RUN, level=Level.kill))).decision is None
    await found.client.aclose()


async def test_the_log_is_listed_in_pages_and_watched(valkey, bench):
    found = bench(valkey)
    async with found.running():
        await found.send(0, 12)
        await found.committed(12)
        decided = Decided(found.worker, found.log, found.hub)
        everything = await found.decided()
        paged, before = [], ""
        while True:
            page = await decided.decisions(DecisionFilter(limit=2, before=before))
            paged += page.decisions
            before = page.next
            if not before:
                break
        assert paged == everything[::-1]
        assert await decided.decision(everything[1].id) == everything[1]
        assert await decided.decision("d0-999") is None
        assert await decided.decision("nonsense") is None
        active = await decided.decisions(DecisionFilter(active=True))
        assert [d.subject for d in active.decisions] == [RUN]
        for bad in ("x", "1x", "9" * 40):
            with pytest.raises(BadRequest):
                await decided.decisions(DecisionFilter(before=bad))
            with pytest.raises(BadRequest):
                await anext(decided.watch(bad))
        watch = decided.watch("0-0")
        seen = [await anext(watch) for _ in everything]
        assert [d for _, d in seen] == everything
        waiting = asyncio.ensure_future(anext(watch))
        answer = await desk_of(found).submit(wish("decide", subject=RUN, level=Level.observe))
        assert await asyncio.wait_for(waiting, 30) == (f"{answer.decision.seq}-0", answer.decision)
        await watch.aclose()
        assert found.hub._watchers == set()


async def test_a_checkpoint_that_could_not_be_written_is_written_later(valkey, bench, poll, monkeypatch):
    found = bench(valkey, msgspec.structs.replace(WorkerOptions(), block_s=0.02, checkpoint_events=3, retry_s=0.02))
    async with found.running():
        real, failures = found.worker._store.checkpoint, []

        async def checkpoint(what, chunks):
            if len(failures) < 2:
                failures.append(what)
                raise StoreUnavailable("away")
            await real(what, chunks)

        monkeypatch.setattr(found.worker._store, "checkpoint", checkpoint)
        await found.send(0, 3)
        await poll(lambda: len(failures) == 2)
        await found.send(3, 4)
        await poll(lambda: found.worker._saving._since == 0)
        assert await found.client.execute_command("GET", K.checkpoint) is not None

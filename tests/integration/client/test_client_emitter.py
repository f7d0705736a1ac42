"""The emitter over real servers: nothing lost in order, and never a moment of the agent's time."""

import os
import socket
import time

import msgspec
import pytest
import redis

from agentwatch.client import Emitter, EmitterOptions, Event, Guard, Privacy, ThreadGuard
from agentwatch.errors import BadConfig
from agentwatch.keys import META, keys, partition


@pytest.fixture
def client(valkey):
    with redis.Redis.from_url(valkey) as found:
        yield found


def events_of(client, index=0):
    return [msgspec.json.decode(fields[b"data"], type=Event) for _, fields in client.xrange(keys(index).events)]


def test_events_arrive_complete_and_in_order(valkey, client):
    with Emitter(redis_url=valkey, source="sdk") as emitter:
        for step in range(1200):
            emitter.emit(agent="bot", app="crew", op="chat", step=step, arguments={"q": step})
        emitter.emit(Event(agent="bot", op="run_end"))
        assert emitter.flush(10)
    found = events_of(client)
    assert [event.step for event in found] == [*range(1200), None]
    assert found[7].arguments == '{"q":7}'
    assert len({event.id for event in found}) == 1201
    assert all(event.source == "sdk" and abs(event.ts - time.time()) < 60 for event in found)
    assert (emitter.sent, emitter.dropped, emitter.invalid) == (1201, 0, 0)


def test_events_go_to_the_partition_of_their_app(valkey, client):
    client.hset(META, "partitions", 8)
    with Emitter(redis_url=valkey) as emitter:
        for app in ("a", "b", "c", "d", "e"):
            emitter.emit(agent="bot", app=app)
        assert emitter.flush(10)
    for app in ("a", "b", "c", "d", "e"):
        assert app in {event.app for event in events_of(client, partition("default", app, 8))}


def test_a_key_keeps_all_text_inside(valkey, client):
    with Emitter(redis_url=valkey, privacy=Privacy(kid="k1", key=b"0123456789abcdef")) as emitter:
        for _ in range(2):
            emitter.emit(agent="bot", input="secret question", output="secret answer", tool="t", result={"secret": 1})
        emitter.emit(agent="bot", op="heartbeat")
        assert emitter.flush(10)
    first, second, beat = events_of(client)
    assert b"secret" not in msgspec.json.encode(first)
    assert first.fp is not None
    assert first.fp.kid == "k1"
    assert first.fp.input == second.fp.input
    assert first.fp.input != first.fp.output
    assert (first.fp.arguments, beat.fp) == (None, None)


def test_without_sketches_only_digests_leave(valkey, client):
    privacy = Privacy(kid="k1", key=b"0123456789abcdef", sketches=False)
    with Emitter(redis_url=valkey, privacy=privacy) as emitter:
        emitter.emit(agent="bot", op="execute_tool", tool="t", arguments={"a": "b"}, result="one two three four five")
        assert emitter.flush(10)
    (made,) = events_of(client)
    assert made.fp is not None
    assert made.fp.arguments is not None
    assert made.fp.result is not None
    assert (made.fp.arguments.sketch, made.fp.arguments.pieces, made.fp.result.sketch) == (None, None, None)
    assert made.fp.result.pieces is not None


def test_what_is_no_event_is_counted_and_the_rest_goes_on(valkey, client):
    with Emitter(redis_url=valkey) as emitter:
        emitter.emit(agent="bot", input_tokens="many")
        emitter.emit(app="nobody")
        emitter.emit(agent="bot", colour="red")
        emitter.emit(agent="bot", arguments={1: object()})
        emitter.emit(Event(agent="bot", input_tokens=-5))
        emitter.emit(agent="bot", step=1)
        assert emitter.flush(10)
    assert [event.step for event in events_of(client)] == [1]
    assert emitter.invalid == 5


def test_a_dead_server_costs_the_agent_nothing_and_drops_the_oldest():
    with socket.socket() as silent:  # accepts and never answers: the worst kind of dead
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        options = EmitterOptions(max_events=100, batch=10, timeout_s=0.2, close_s=0.2)
        emitter = Emitter(redis_url=f"redis://127.0.0.1:{silent.getsockname()[1]}", options=options)
        began = time.perf_counter()
        for step in range(2000):
            emitter.emit(agent="bot", step=step, input="x" * 1000)
        assert time.perf_counter() - began < 10, "who waited for every batch would need 40 s"
        assert emitter.dropped >= 1890
        assert not emitter.flush(0.05)
        began = time.perf_counter()
        emitter.close()
        assert time.perf_counter() - began < 20, "it gives up"
        emitter.emit(agent="bot")
        while emitter.dropped < 2001:  # its thread may end a moment later
            assert time.perf_counter() - began < 20
            time.sleep(0.01)
        assert emitter.dropped == 2001


def test_text_that_waits_is_bounded_in_bytes():
    options = EmitterOptions(max_text_bytes=10_000, timeout_s=0.2, close_s=0.1)
    emitter = Emitter(redis_url="redis://127.0.0.1:9", options=options)
    for _ in range(100):
        emitter.emit(agent="bot", input="x" * 1000)
    assert emitter.dropped >= 89
    emitter.close()


async def test_events_wait_for_redis_to_come_back(own_valkey):
    async with Emitter(redis_url=own_valkey.url, options=EmitterOptions(timeout_s=0.5)) as emitter:
        emitter.emit(agent="bot", step=0)
        assert await emitter.aflush(10)
        await own_valkey.stop()
        for step in range(1, 50):
            emitter.emit(agent="bot", step=step)
        assert not await emitter.aflush(0.1)
        await own_valkey.start()
        assert await emitter.aflush(10)
    with redis.Redis.from_url(own_valkey.url) as client:
        found = events_of(client)
    assert sorted({event.step for event in found}) == list(range(50))
    assert len({event.id for event in found}) == 50


def test_a_forked_process_sends_its_own_events(valkey, client):
    emitter = Emitter(redis_url=valkey)
    emitter.emit(agent="parent")
    assert emitter.flush(10)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is what is tried here
        child = os.fork()
    if child == 0:
        emitter.emit(agent="child")
        os._exit(0 if emitter.flush(10) else 1)
    assert os.waitpid(child, 0)[1] == 0
    emitter.close()
    assert sorted(event.agent for event in events_of(client)) == ["child", "parent"]


async def test_a_guard_emits_who_it_is_and_that_it_was_held(valkey, client, over_redis, command, until):
    async with over_redis(valkey) as side, Guard("bot", app="crew", run="r1", task="t", redis=valkey) as guard:
        guard.emit(op="chat", input="hello")
        await side.send(command("throttle", 4, limit=600.0))
        await until(lambda: guard.epoch == 4)
        await guard.check()
        await guard.check()
    chat, held = events_of(client)
    assert (chat.agent, chat.app, chat.run, chat.root_run, chat.task) == ("bot", "crew", "r1", "r1", "t")
    assert (chat.epoch, chat.tenant) == (0, "default")
    assert (held.status, held.op, held.epoch) == ("held", "heartbeat", 4)
    assert held.duration_ms > 50


def test_a_thread_guard_emits_too(valkey, client):
    with ThreadGuard("bot", redis=valkey) as guard:
        guard.emit(op="execute_tool", tool="search", arguments={"q": "x"})
    assert [event.tool for event in events_of(client)] == ["search"]


def test_an_emitter_needs_a_server():
    with pytest.raises(BadConfig):
        Emitter()
    with pytest.raises(BadConfig):
        Privacy(kid="k", key=b"short")

"""A real stream full of rubbish: each bad entry becomes one dead letter, and every good one among them is read."""

import base64
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from agentwatch.connection import RedisOptions, connect
from agentwatch.ingest.decode import DecodeOptions, DecodeStats, decode, entry_time
from agentwatch.ingest.intake import RedisIntake
from agentwatch.ingest.stream import RedisSource
from agentwatch.keys import keys, partition
from agentwatch.nodes import Nodes
from agentwatch.records import Ack, Commit, DeadLetter, Entry, Event, Positions
from agentwatch.store.dead import RedisDeadLetters
from agentwatch.store.redis import RedisStore

K = keys(0)
GOOD = b'{"agent":"bot","run":"r","input":"\xc3\xa9\xe2\x98\x82","step":1}'
WRONG: list[Any] = [None, True, -1, 1.5, "x" * 300, [1], {"a": 1}, "NaN", 10**20]


@pytest.fixture
async def nodes(valkey: str) -> AsyncIterator[Callable[[int], Nodes]]:
    """Reach the server as one of so many partitions."""
    made: list[Nodes] = []

    def make(partitions: int) -> Nodes:
        made.append(Nodes(valkey, RedisOptions(), partitions=partitions))
        return made[-1]

    yield make
    for one in made:
        await one.aclose()


@pytest.fixture
async def client(valkey: str) -> AsyncIterator[Any]:
    found = connect(valkey, RedisOptions())
    yield found
    await found.aclose()


def rubbish(count: int) -> list[tuple[bytes, str]]:
    """Make bad entries with the field that each is bad in; seeded, so that a failure can be had again."""
    rng = random.Random(7)
    names = ("v", "ts", "op", "step", "tags", "documents", "fp", "input_tokens", "cost_usd", "duration_ms", "handles")
    found: list[tuple[bytes, str]] = []
    while len(found) < count:
        name = rng.choice(names)
        kind = rng.randrange(6)
        if kind == 0:
            found.append((b'{"agent":"a","%s":%s}' % (name.encode(), b"[" * 3000), name))
        elif kind == 1:
            found.append((b'{"agent":"a","input":"%s"}' % rng.randbytes(40).hex().encode() + b"\xff\xfe", "data"))
        elif kind == 2:
            found.append((b'{"agent":"a","%s":"\xff"}' % name.encode(), name))
        elif kind == 3:
            found.append((GOOD[: rng.randrange(1, 7)], "data"))
        elif kind == 4:
            value = rng.choice(WRONG)
            data = msgspec.json.encode({"agent": "a", name: value}) if value != 10**20 else b'{"agent":"a","step":1e99}'
            probe = decode(entry(data), 1.0, 1.0, DecodeOptions(), DecodeStats())
            if isinstance(probe, DeadLetter):
                found.append((data, "step" if value == 10**20 else name))
        else:
            found.append((rng.randbytes(30), "data"))
    return found


def entry(data: bytes) -> Entry:

    return Entry("1-0", data)


async def test_a_thousand_bad_entries_among_good_ones(client: Any) -> None:
    bad = rubbish(1000)
    async with client.pipeline(transaction=False) as pipe:
        for index, (data, _) in enumerate(bad):
            pipe.execute_command("XADD", K.events, "*", "data", data)
            if index % 2:
                pipe.execute_command("XADD", K.events, "*", "data", GOOD)
        pipe.execute_command("XADD", K.events, "*", "data", b'{"agent":"a","input":"' + b"x" * (1 << 20) + b'"}')
        pipe.execute_command("XADD", K.events, "*", "agent", "bot", "step", "many")
        pipe.execute_command("XADD", K.events, "*", "agent", "bot", "step", "2")
        await pipe.execute()

    store, source = RedisStore(client, 0), RedisSource(client, 0)
    opened = await store.open()
    await source.seek(opened.committed)
    options, stats, positions = DecodeOptions(), DecodeStats(), opened.committed
    events: list[Event] = []
    while (batch := await source.read(400, 0)).entries:
        found = [decode(entry, batch.tick.at, entry_time(entry.id), options, stats) for entry in batch.entries]
        events += [value for value in found if isinstance(value, Event)]
        ids = tuple(entry.id for entry in batch.entries)
        positions = Positions(events=ids[-1], index=positions.index + len(ids))
        dead = tuple(value for value in found if isinstance(value, DeadLetter))
        await store.commit(Commit(positions=positions, at=batch.tick.at, tick=batch.tick, entries=ids, dead=dead))

    assert len(events) == 501
    assert {event.input for event in events} == {"é☂", None}
    letters = (await RedisDeadLetters(client, 0).dead("", 2000))[::-1]
    wanted = [*[field for _, field in bad], "data", "step"]
    assert [letter.field.split(".")[0].split("[")[0] for _, letter in letters] == wanted
    for (_, letter), (data, _) in zip(letters, bad, strict=False):
        assert letter.reason
        assert original(letter) == data
    assert (await client.execute_command("XPENDING", K.events, "agentwatch"))[0] == 0


def original(letter: DeadLetter) -> bytes:
    if letter.encoding == "utf-8":
        return letter.original["data"].encode()
    return base64.b64decode(letter.original[base64.b64encode(b"data").decode()])


async def test_the_intake_answers_each_event_and_writes_the_good_ones_only(
    client: Any, nodes: Callable[[int], Nodes]
) -> None:
    intake = RedisIntake(nodes(4))
    raw = [GOOD, b"{", b'{"agent":"a","step":-1}', b'{"agent":"a","ts":1700000000000}', b'{"agent":"b","app":"p"}']
    results = await intake.put(raw)
    assert [(bool(found.id), found.field) for found in results] == [
        (True, ""),
        (False, ""),
        (False, "step"),
        (False, "ts"),
        (True, ""),
    ]
    for app, data in (("bot", raw[0]), ("p", raw[4])):
        rows = await client.execute_command("XRANGE", keys(partition("default", app, 4)).events, "-", "+")
        assert data in [fields[1] for _, fields in rows]
    assert await intake.put([]) == []
    assert (intake.stats.events, intake.stats.dead) == (2, 3)


async def test_a_sender_is_bound_to_its_tenant_and_app(client: Any, nodes: Callable[[int], Nodes]) -> None:
    intake = RedisIntake(nodes(1))
    raw = [b'{"agent":"a"}', b'{"agent":"a","tenant":"u"}', b'{"agent":"a","app":"q","tenant":"t"}']
    results = await intake.put(raw, tenant="t", app="p")
    assert [(bool(found.id), found.field) for found in results] == [(True, ""), (False, "tenant"), (False, "app")]
    [(_, fields)] = await client.execute_command("XRANGE", K.events, "-", "+")
    assert msgspec.json.decode(fields[1]) == {"agent": "a", "tenant": "t", "app": "p"}


async def test_acks_go_to_the_partition_of_their_subject(client: Any, nodes: Callable[[int], Nodes]) -> None:
    intake = RedisIntake(nodes(4))
    acks = [
        Ack(command="d", subject=subject, epoch=1, state="effective", at=1.0)
        for subject in ("default/p/run/r", "default/p/agent/a", "default")
    ]
    await intake.acknowledge(acks)
    home = partition("default", "p", 4)
    lengths = [await client.execute_command("XLEN", keys(index).acks) for index in range(4)]
    assert lengths == [3 if index == home else 1 for index in range(4)]

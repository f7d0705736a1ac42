"""Whatever bytes come in, each ends as an event or as a dead letter, and neighbours are not harmed."""

import json
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentwatch.ingest.decode import DecodeOptions, DecodeStats, decode, decode_all
from agentwatch.records import DeadLetter, Entry, Event

FIELDS = Event.__struct_fields__
AT = 1_700_000_000.0
OPTIONS = DecodeOptions(max_entry_bytes=20_000)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300)
values = st.recursive(scalars, lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(), v, max_size=4))
objects = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), values, max_size=8)
documents = objects.map(lambda found: json.dumps(found).encode("utf-8", "surrogatepass"))
nested = st.integers(0, 3000).map(lambda depth: b'{"agent":"a","input":' + b"[" * depth + b"]" * depth + b"}")


@st.composite
def mutilated(draw: st.DrawFn) -> bytes:
    """A well-formed document with a piece cut out or put in."""
    data = draw(documents)
    at = draw(st.integers(0, len(data)))
    return data[:at] + draw(st.binary(max_size=6)) + data[at + draw(st.integers(0, 6)) :]


raw = st.binary(max_size=200) | documents | mutilated() | nested | st.integers(0, 3_000).map(lambda n: b'"' * n)
flat = st.dictionaries(
    st.sampled_from([name.encode() for name in FIELDS]) | st.binary(max_size=8),
    st.binary(max_size=60) | scalars.map(lambda v: str(v).encode("utf-8", "surrogatepass")),
    max_size=8,
)


def check(entry: Entry) -> Event | DeadLetter:
    stats = DecodeStats()
    found = decode(entry, AT, AT, OPTIONS, stats)
    assert stats.events + stats.dead == 1
    together = DecodeStats()
    events, dead = decode_all([entry, entry], AT, OPTIONS, together, timed=True)
    assert [repr(one) for one in (*dead, *filter(None, events))] == [repr(found)] * 2
    assert msgspec.structs.astuple(together) == tuple(2 * count for count in msgspec.structs.astuple(stats))
    if isinstance(found, DeadLetter):
        assert found.field
        assert found.reason
        return found
    assert found.id
    assert 0.0 <= found.ts <= AT + 60
    assert all((found.app, found.run, found.root_run, found.tenant, found.op, found.agent))
    for value in msgspec.structs.asdict(found).values():
        if isinstance(value, str):
            value.encode()
    return found


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(raw)
def test_any_bytes(data: bytes) -> None:
    check(Entry("1700000000000-0", data))


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(flat)
def test_any_flat_fields(fields: dict[bytes, bytes]) -> None:
    check(Entry("1700000000000-0", None, fields))


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(FIELDS), values)
def test_one_wrong_field_is_the_one_that_is_named(name: str, value: Any) -> None:
    data = json.dumps({"agent": "a", name: value}).encode("utf-8", "surrogatepass")
    found = check(Entry("1700000000000-0", data))
    if isinstance(found, DeadLetter):
        assert found.field.split(".")[0].split("[")[0] == name

"""Decoding takes what is meant, refuses the rest by name, and never raises."""

import base64
import json
import sys
from typing import Any

import msgspec
import pytest

from agentwatch.ingest.decode import DecodeOptions, DecodeStats, decode, entry_time
from agentwatch.records import DeadLetter, Entry, Event

TICK = 1_700_000_100.0
AT = 1_700_000_000.0
ID = "1700000000000-3"


def read(data: bytes | None, fields: dict[bytes, bytes] | None = None, **options: Any) -> Event | DeadLetter:
    return decode(Entry(ID, data, fields), TICK, AT, DecodeOptions(**options), DecodeStats())


def good(data: bytes | None, fields: dict[bytes, bytes] | None = None) -> Event:
    found = read(data, fields)
    assert isinstance(found, Event), found
    return found


def bad(data: bytes | None, fields: dict[bytes, bytes] | None = None, **options: Any) -> DeadLetter:
    found = read(data, fields, **options)
    assert isinstance(found, DeadLetter), found
    return found


def test_an_agent_alone_is_an_event_with_every_default() -> None:
    event = good(b'{"agent":"bot"}')
    assert event == Event(agent="bot", id=ID, ts=AT, app="bot", run="bot", root_run="bot", tenant="default", op="chat")
    assert entry_time(ID) == AT


def test_what_the_producer_says_is_kept() -> None:
    event = good(b'{"agent":"a","app":"p","run":"r1","root_run":"r0","tenant":"t","id":"x","ts":1699999999.5}')
    assert (event.app, event.run, event.root_run, event.tenant, event.id, event.ts) == (
        "p", "r1", "r0", "t", "x", 1699999999.5,
    )  # fmt: skip


def test_a_child_that_names_only_its_parent_is_left_to_the_pipeline() -> None:
    event = good(b'{"agent":"a","run":"r1","parent_run":"r0"}')
    assert (event.parent_run, event.root_run) == ("r0", "r1")


def test_flat_fields_are_typed_by_their_names() -> None:
    event = good(
        None,
        {
            b"agent": b"bot",
            b"input": b"12",
            b"step": b"7",
            b"ts": b"1.7e9",
            b"input_tokens": b"+10",
            b"cost_usd": b"0.001",
            b"duration_ms": b"12.5",
            b"tags": b'{"a":"b"}',
            b"documents": b'["d1"]',
            b"op": b"",
            b"output_tokens": b"",
            b"handles": b"",
            b"whatever": b"\xff",
        },
    )
    assert (event.input, event.step, event.ts, event.input_tokens) == ("12", 7, 1.7e9, 10)
    assert (event.cost_usd, event.duration_ms, event.tags, event.documents) == ("0.001", 12.5, {"a": "b"}, ["d1"])
    assert (event.op, event.output_tokens, event.handles) == ("chat", None, None)


def test_unknown_fields_are_left_out_and_counted_and_null_is_absent() -> None:
    stats = DecodeStats()
    entry = Entry(ID, b'{"agent":"a","x":1,"y":[1],"app":null,"input_tokens":null,"tags":null}')
    event = decode(entry, TICK, AT, DecodeOptions(), stats)
    assert isinstance(event, Event)
    assert (event.app, stats.unknown_fields, stats.events, stats.slow) == ("a", 2, 1, 1)


def test_structured_content_becomes_canonical_json_text() -> None:
    event = good(b'{"agent":"a","input":{"b":1,"a":[1,2.5,null]},"output":[1],"arguments":7,"result":true,"error":{}}')
    assert event.input == '{"a":[1,2.5,null],"b":1}'
    assert (event.output, event.arguments, event.result, event.error) == ("[1]", "7", "true", "{}")


def test_half_a_surrogate_pair_is_replaced_and_a_whole_one_kept() -> None:
    event = good(rb'{"agent":"a","input":"cut \ud83d","output":"\ud83d\ude00","result":"\\ud83d \udc00\ud83d"}')
    assert (event.input, event.output, event.result) == ("cut �", "😀", "\\ud83d ��")


@pytest.mark.parametrize("data", [b'{"agent":"a","agent":"b"}', b' {"agent" : "b"}\n'])
def test_json_that_is_merely_unusual_is_read(data: bytes) -> None:
    assert good(data).agent == "b"


def test_time_far_ahead_is_clamped_and_counted() -> None:
    stats = DecodeStats()
    for ts, expected in ((AT + 61, AT), (AT + 59, AT + 59), (5.0, 5.0)):
        entry = Entry(ID, b'{"agent":"a","ts":%.1f}' % ts)
        event = decode(entry, TICK, AT, DecodeOptions(), stats)
        assert isinstance(event, Event)
        assert event.ts == expected
    assert stats.clamped == 1


def test_in_a_replay_the_events_own_time_rules() -> None:
    event = decode(Entry("", b'{"agent":"a","ts":5000000000}'), TICK, None, DecodeOptions(), DecodeStats())
    assert isinstance(event, Event)
    assert (event.ts, event.id) == (5e9, "")
    event = decode(Entry("", b'{"agent":"a"}'), TICK, None, DecodeOptions(), DecodeStats())
    assert isinstance(event, Event)
    assert event.ts == TICK


NESTED = b"[" * 100_000 + b"]" * 100_000


def _print_of(**fields: str) -> bytes:
    sent = {"exact": "0123456789abcdef", **fields}
    return json.dumps({"agent": "a", "fp": {"kid": "k", "result": sent}}).encode()


CASES: list[tuple[bytes, str, str]] = [
    (b"", "data", "truncated"),
    (b"null", "data", "a JSON object is wanted, not null"),
    (b"[]", "data", "not an array"),
    (b'"x"', "data", "not a string"),
    (b"12", "data", "not a number"),
    (b"true", "data", "not a boolean"),
    (b"\xff\xfe", "data", "UTF-8"),
    (b"{}", "agent", "missing"),
    (b'{"agent":"a"', "agent", "truncated"),
    (b'{"agent":"a"} x', "data", "trailing"),
    (b'{"agent":"a",}', "agent", "malformed"),
    (b'{"agent":null}', "agent", "missing"),
    (b'{"agent":""}', "agent", "length"),
    (b'{"agent":"' + b"x" * 257 + b'"}', "agent", "length"),
    (b'{"agent":1}', "agent", "`str`"),
    (b'{"agent":"\xff"}', "agent", "UTF-8"),
    (b'{"agent":"a","input":"\xed\xa0\x80"}', "input", "UTF-8"),
    (b'{"agent":"a","input":"\xc3', "input", "UTF-8"),
    (b'{"agent":"a","v":2}', "v", "version 2"),
    (b'{"agent":"a","v":"1"}', "v", "`int`"),
    (b'{"agent":"a","ts":1700000000000}', "ts", "milliseconds"),
    (b'{"agent":"a","ts":-1}', "ts", "before 1970"),
    (b'{"agent":"a","ts":NaN}', "ts", "malformed"),
    (b'{"agent":"a","ts":Infinity}', "ts", "malformed"),
    (b'{"agent":"a","ts":1e400}', "ts", "range"),
    (b'{"agent":"a","x":1,"ts":1e400}', "ts", "range"),
    (b'{"agent":"a","nobody":[1e400]}', "nobody", "range"),
    (b'{"agent":"a","ts":"now"}', "ts", "`float`"),
    (b'{"agent":"a","ts":true}', "ts", "`bool`"),
    (b'{"agent":"a","op":"nope"}', "op", "enum"),
    (b'{"agent":"a","status":1}', "status", "`str"),
    (b'{"agent":"a","step":-1}', "step", ">= 0"),
    (b'{"agent":"a","step":1.5}', "step", "`float`"),
    (b'{"agent":"a","input_tokens":"12"}', "input_tokens", "`str`"),
    (b'{"agent":"a","input_tokens":123456789012345678901234567890}', "input_tokens", "<="),
    (b'{"agent":"a","interval_s":0}', "interval_s", "> 0"),
    (b'{"agent":"a","duration_ms":-1}', "duration_ms", ">= 0"),
    (b'{"agent":"a","cost_usd":"a lot"}', "cost_usd", "not a number"),
    (b'{"agent":"a","cost_usd":"NaN"}', "cost_usd", "not a number"),
    (b'{"agent":"a","cost_usd":"1e999"}', "cost_usd", "finite"),
    (b'{"agent":"a","cost_usd":-0.01}', "cost_usd", "between"),
    (b'{"agent":"a","cost_usd":1e300}', "cost_usd", "between"),
    (b'{"agent":"a","cost_usd":true}', "cost_usd", "`bool`"),
    (b'{"agent":"a","tags":[]}', "tags", "`array`"),
    (b'{"agent":"a","tags":{"a":1}}', "tags", "`int`"),
    (b'{"agent":"a","tags":{"' + b"k" * 300 + b'":""}}', "tags", "length"),
    (b'{"agent":"a","documents":"d"}', "documents", "`str`"),
    (b'{"agent":"a","documents":["d",3]}', "documents[1]", "`int`"),
    (b'{"agent":"a","fp":{"kid":"k","input":{"exact":"zz"}}}', "fp.input.exact", "length"),
    (_print_of(exact="0123456789abcdeF"), "fp.result.exact", "hexadecimal"),
    (_print_of(masked="0x23456789abcdef"), "fp.result.masked", "hexadecimal"),
    (_print_of(masked="123456789abcdef\n"), "fp.result.masked", "hexadecimal"),
    (_print_of(shape="01 23 45 67 89 a"), "fp.result.shape", "hexadecimal"),
    (_print_of(shape="0123456789abcd\u0661\u0662"), "fp.result.shape", "hexadecimal"),
    (_print_of(sketch="0" * 126), "fp.result.sketch", "length"),
    (_print_of(sketch="0" * 127 + "_"), "fp.result.sketch", "hexadecimal"),
    (_print_of(pieces=""), "fp.result.pieces", "length"),
    (_print_of(pieces="0123456"), "fp.result.pieces", "four digits"),
    (_print_of(pieces="01 2345 "), "fp.result.pieces", "hexadecimal"),
    (_print_of(pieces="0123" * 257), "fp.result.pieces", "length"),
    (b'{"agent":"a","fp":{}}', "fp", "missing"),
    (b'{"agent":"a","handles":{"pid":7}}', "handles", "`int`"),
    (b'{"agent":"a","epoch":-3}', "epoch", ">= 0"),
    (b'{"agent":"a","input":' + NESTED + b"}", "input", "nested"),
    (b'{"agent":"a","nobody":' + NESTED + b"}", "nobody", "nested"),
    (b'{"agent":"a","fp":{"kid":"k","x":' + NESTED + b"}}", "fp", "nested"),
    (b'{"agent":"a","x":' + b"[" * 200_000, "x", "nested"),
    (b'{"agent":"a","x":' + b'{"a":' * 200_000, "x", "nested"),
    (b"[" * 200_000, "data", "nested"),
    (b'{"agent":"a","input":"' + b"x" * (1 << 20) + b'"}', "data", "bytes"),
    ('{"agent":"a","input":"x"}'.encode("utf-16"), "data", "UTF-8"),
    (b'{"agent":"a","input":"\\ud83d', "input", "truncated"),
    (b'{"agent":"a","input":"a\nb"}', "input", "malformed"),
    (b"{'agent':'a'}", "data", "malformed"),
]


@pytest.mark.parametrize(("data", "field", "reason"), CASES, ids=[repr(case[0][:40]) for case in CASES])
def test_a_bad_entry_becomes_a_letter_that_names_the_field(data: bytes, field: str, reason: str) -> None:
    letter = bad(data)
    assert (letter.field, letter.entry, letter.at) == (field, ID, TICK)
    assert reason in letter.reason
    assert original(letter) == data if not letter.cut else data.startswith(original(letter))
    assert msgspec.json.decode(msgspec.json.encode(letter), type=DeadLetter) == letter


FLAT_CASES: list[tuple[dict[bytes, bytes], str, str]] = [
    ({}, "agent", "missing"),
    ({b"agent": b"\xff"}, "agent", "UTF-8"),
    ({b"agent": b"a", b"step": b"x"}, "step", "whole number"),
    ({b"agent": b"a", b"step": "٣".encode()}, "step", "whole number"),
    ({b"agent": b"a", b"step": b"1_0"}, "step", "whole number"),
    ({b"agent": b"a", b"ts": b"nan"}, "ts", "not a number"),
    ({b"agent": b"a", b"ts": b"1e999"}, "ts", "finite"),
    ({b"agent": b"a", b"duration_ms": b"inf"}, "duration_ms", "not a number"),
    ({b"agent": b"a", b"tags": b"{"}, "tags", "truncated"),
    ({b"agent": b"a", b"tags": b"[1]"}, "tags", "`array`"),
    ({b"agent": b"a", b"documents": NESTED}, "documents", "nested"),
    ({b"agent": b"a", b"op": b"dance"}, "op", "enum"),
    ({b"agent": b"a", b"input": b"x" * (1 << 20)}, "data", "bytes"),
    ({b"\xfe" * 10: b"x" * (1 << 20)}, "data", "bytes"),
]


@pytest.mark.parametrize(("fields", "field", "reason"), FLAT_CASES, ids=[repr(c[0])[:50] for c in FLAT_CASES])
def test_a_bad_flat_entry_becomes_a_letter_that_names_the_field(
    fields: dict[bytes, bytes], field: str, reason: str
) -> None:
    letter = bad(None, fields)
    assert letter.field == field
    assert reason in letter.reason


def test_an_oversized_original_is_cut_and_marked() -> None:
    letter = bad(b"x" * 5000, max_entry_bytes=4500)
    assert letter.cut
    assert len(letter.original["data"]) == 4096


def test_depth_is_counted_outside_strings_only() -> None:
    brackets = "[{" * 500
    assert good(json.dumps({"agent": "a", "input": [brackets], "x": 1}).encode()).input == json.dumps([brackets])
    deep = b"[" * 127 + b"]" * 127
    assert good(b'{"agent":"a","input":' + deep + b"}").input == deep.decode()
    assert bad(b'{"agent":"a","input":[' + deep + b"]}").field == "input"


def test_depth_does_not_depend_on_how_deep_the_caller_is() -> None:
    def at(depth: int) -> Event | DeadLetter:
        return at(depth - 1) if depth else read(b'{"agent":"a","input":' + b"[" * 100 + b"]" * 100 + b"}")

    assert at(0) == at(sys.getrecursionlimit() // 2)


def original(letter: DeadLetter) -> bytes:
    if letter.encoding == "utf-8":
        return letter.original["data"].encode()
    return base64.b64decode(letter.original[base64.b64encode(b"data").decode()])

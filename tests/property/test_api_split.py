"""Whatever the body, it is taken apart into its events or refused by name; nothing else happens."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from agentwatch.api.split import split_json, split_lines
from agentwatch.errors import BadInput

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=5,
)
OBJECTS = st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=2), max_size=4)


@given(st.binary(max_size=300) | st.text(alphabet='[]{}",:\\ue1 \n').map(str.encode))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_split_or_refused(body: bytes) -> None:
    for split in (split_json, split_lines):
        try:
            pieces = split(body, 1000)
        except BadInput as error:
            pieces = []
            told = error.reason
        else:
            told = "taken"
        assert told
        assert [piece.index for piece in pieces] == list(range(len(pieces)))
        assert all(piece.raw for piece in pieces)


@given(OBJECTS, st.sampled_from([None, 2]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_events_of_an_array_come_out_as_they_went_in(
    events: list[object], indent: int | None, ascii_only: bool
) -> None:
    body = json.dumps(events, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    pieces = split_json(body, 1000)
    assert [json.loads(piece.raw.decode("utf-8", "surrogatepass")) for piece in pieces] == events


@given(OBJECTS, st.sampled_from(["\n", "\r\n", "\n\n", "\n \t\n"]))
@settings(max_examples=50, deadline=None)
def test_lines_are_numbered_as_an_editor_numbers_them(events: list[object], ending: str) -> None:
    body = "".join(json.dumps(event) + ending for event in events).encode()
    lines = body.decode().split("\n")
    for piece, event in zip(split_lines(body, 1000), events, strict=True):
        assert json.loads(piece.raw) == event
        assert json.loads(lines[piece.line - 1]) == event


@given(OBJECTS, st.binary(min_size=1, max_size=8).filter(lambda b: not set(b) & set(b'[]{}",\\ \t\r\n')))
@settings(max_examples=50, deadline=None)
def test_a_value_that_is_not_acceptable_costs_only_itself(events: list[object], raw: bytes) -> None:
    good = [json.dumps(event).encode() for event in events]
    bad = b'{"agent":"\\ud800","text":"' + raw.translate(None, bytes(range(32))) + b'"}'
    pieces = split_json(b"[" + b",".join([*good, bad, *good]) + b"]", 1000)
    assert [piece.raw for piece in pieces] == [*good, bad, *good]

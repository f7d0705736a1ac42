"""The forms are total, idempotent and blind to what must not matter."""

import json
import string
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agentwatch.fingerprint.canonical import canonical
from agentwatch.fingerprint.mask import _dense, _replaced, _sparse, mask
from agentwatch.fingerprint.numbers import numbers
from agentwatch.fingerprint.shape import shape
from agentwatch.fingerprint.single import fingerprint_text
from agentwatch.fingerprint.volatile import CLASSES

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)
FRAGMENTS = """
0 1 9 12 123 1700000000 1700000000123 12345678 54321 a f ab deadbeef Z T x n u m s h ms µs us sec min pid PID pid=
/tmp/tmp /var/folders/ \\Temp\\tmp é 中 ́ # _ - : . , ; / + = ( ) [ ] { } " ' 2024-05-01 10:11:12 2024-05-01T10:11:12
20240501 101112 0x7ffe1234 10.0.0.1 8-4 550e8400 e29b 41d4 446655440000 0m0.12s 1h30m 00 00Z seconds hours \x00 \\n
\\u0000 null true 1e5 -0
"""
PIECES = [*FRAGMENTS.split(), " ", "  ", "\n", "\t", "\u00a0", "\ud800"]
SOUP = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
TEXTS = st.one_of(ANY_TEXT, SOUP)
KEYS = st.text(string.ascii_letters + "é ", min_size=1, max_size=6)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(TEXTS)
@example("[" * 5000)
@example('{"a":' * 5000)
@example("\x00")
@example("\ud800\udc00\udfff")
def test_every_text_has_a_fingerprint(text: str) -> None:
    made = fingerprint_text(text, result=True)
    assert 0 <= made.masked < 1 << 64
    assert len(made.sketch) in (0, 64)
    assert made.size == len(canonical(text))


@settings(max_examples=500)
@given(TEXTS)
@example("pid 1 pid=22 pid 12:13:14")
@example("/tmp/tmp12:34:56 /var/folders/1700000000/ab12cd34ef 1h2 ms")
@example("0 second:1000000000 1 s-1000000000")
@example("2024-05-01 2024-05-01 10:11:12,5 ms")
def test_masking_what_was_masked_changes_nothing(text: str) -> None:
    masked = mask(canonical(text))
    assert mask(masked) == masked
    assert shape(shape(masked)) == shape(masked)


@settings(max_examples=300)
@given(SOUP)
@example("12 ms... 3 s: 4 s. 5 s.: 6 sec")
def test_both_scans_find_the_same(text: str) -> None:
    plain = canonical(text)
    classes = plain.translate(CLASSES)
    sparse, dense = _sparse(plain, classes, classes.find(b"0")), _dense(plain, classes)
    assert _replaced(plain, sparse) == _replaced(plain, dense)


@given(TEXTS)
def test_the_canonical_form_is_its_own(text: str) -> None:
    form = canonical(text)
    assert canonical(form.decode()) == form


@given(TEXTS)
def test_a_form_that_changes_nothing_is_the_same_object(text: str) -> None:
    plain = canonical(text)
    masked = mask(plain)
    assert (masked is plain) == (masked == plain) or b"#" in plain
    shaped = shape(masked)
    assert shaped is masked or any(digit in masked for digit in b"0123456789")


@given(st.lists(st.text(string.ascii_letters + "é中", min_size=1), min_size=1, max_size=10), st.data())
def test_spacing_does_not_change_the_exact_digest(words: list[str], data: st.DataObject) -> None:
    space = st.text(" \t\n\r\u00a0\u2003", min_size=1, max_size=3)
    spread = "".join(data.draw(space) + word for word in words) + data.draw(space)
    assert fingerprint_text(spread) == fingerprint_text(" ".join(words))


def _shuffled(value: Any, draw: st.DataObject) -> Any:
    if isinstance(value, dict):
        return {key: _shuffled(value[key], draw) for key in draw.draw(st.permutations(list(value)))}
    return [_shuffled(item, draw) for item in value] if isinstance(value, list) else value


@settings(suppress_health_check=[HealthCheck.too_slow])  # drawing nested values is slow beside a busy test
@given(st.dictionaries(KEYS, JSON_VALUES, max_size=5), st.data())
def test_key_order_and_layout_do_not_change_the_exact_digest(value: dict[str, Any], data: st.DataObject) -> None:
    keys = list(value)
    if len({" ".join(key.split()) for key in keys}) < len(keys):
        return  # keys that fold into one are one key
    one = json.dumps(value)
    for ascii_only in (True, False):
        other = json.dumps(
            _shuffled(value, data), indent=data.draw(st.sampled_from([None, 2])), ensure_ascii=ascii_only
        )
        assert canonical(other) == canonical(one)


def _stamps(draw: st.DataObject) -> str:
    at = datetime(2023, 1, 1, tzinfo=UTC) + timedelta(seconds=draw.draw(st.integers(0, 10**8)), milliseconds=7)
    epoch = int(at.timestamp())
    hexed = f"{draw.draw(st.integers(0, 2**48 - 1)):012x}"
    name = uuid.UUID(int=draw.draw(st.integers(2**120, 2**128 - 1)), version=4)
    small = draw.draw(st.integers(0, 999))
    return (
        f"at {at:%Y-%m-%dT%H:%M:%S.%fZ} and {at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03d} or {at:%H:%M:%S}, "
        f"epoch={epoch} ms={epoch * 1000 + 5} id {name} sha 9a{hexed} <obj at 0x7f{hexed}> pid {small} pid={small} "
        f"took {small}ms {small / 10:.2f}s 0m0.{small}s {small}.{small} seconds {small} µs in /tmp/tmp{hexed[:8]}/x.py "
        f"127.0.0.1:{50000 + small} {{ok}} 42"
    )


@given(st.data())
def test_volatile_tokens_do_not_change_the_masked_digest(data: st.DataObject) -> None:
    first, second = fingerprint_text(_stamps(data)), fingerprint_text(_stamps(data))
    assert first.masked == second.masked
    assert first.sketch == second.sketch
    assert first.words == second.words


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=5), st.lists(st.integers(0, 10**6), min_size=5))
def test_numbers_do_not_change_the_shape(first: list[int], second: list[int]) -> None:
    def told(values: list[int]) -> str:
        return " and ".join(f"step {value} of {value / 7:.3f}" for value in values)

    assert fingerprint_text(told(first)).shape == fingerprint_text(told(second[: len(first)])).shape


@given(TEXTS)
def test_numbers_are_few_and_finite(text: str) -> None:
    found = numbers(mask(canonical(text)))
    assert len(found) <= 8
    assert all(abs(number) < 1e15 for number in found)


@pytest.mark.parametrize(
    "text", ["a" * 200_000, "1" * 200_000, "ab12" * 50_000, "12:34:56:" * 20_000, "pid 1" * 40_000]
)
def test_long_texts_are_linear(text: str) -> None:
    # Quadratic work would take minutes here; the suite's time limit is the check.
    masked = mask(canonical(text))
    assert mask(masked) == masked

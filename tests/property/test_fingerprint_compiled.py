"""The compiled form gives what the pure form gives, on any text and any bytes; the pure form is its oracle."""

import os
import shutil
import struct
import sysconfig
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from agentwatch.fingerprint import (
    Fingerprinter,
    FingerprintOptions,
    compiled,
    fingerprint_text,
    phrases,
    residual,
    shingles,
)
from agentwatch.fingerprint.canonical import _folded, canonical, unbroken
from agentwatch.fingerprint.chant import CAP_CHARS, LEAST_CHARS, _echoes
from agentwatch.fingerprint.classify import classify
from agentwatch.fingerprint.compiled import compiled_form, masked_form, native, watched_words
from agentwatch.fingerprint.mask import mask
from agentwatch.fingerprint.numbers import numbers
from agentwatch.fingerprint.shape import shape
from agentwatch.fingerprint.shingles import text_shingles
from agentwatch.fingerprint.sketch import BINS, ESTIMATES, nearest, shingle_hashes, similarity, sketch, word_hash
from agentwatch.fingerprint.words import word_count
from agentwatch.records import Event, ResultClass

built = pytest.mark.skipif(native is None, reason="no compiled form was built; python hatch_build.py builds it")
FRAGMENTS = """
0 1 9 12 123 1700000000 1700000000123 12345678 54321 a f ab deadbeef Z T x n u m s h ms µs us sec min pid PID pid=
/tmp/tmp /var/folders/ \\Temp\\tmp é 中 ́ # _ - : . , ; / + = ( ) [ ] { } " ' 2024-05-01 10:11:12 2024-05-01T10:11:12
20240501 20240501T101112Z 101112 0x7ffe1234 10.0.0.1 10.0.0.1:54321 8-4 550e8400-e29b-41d4-a716-446655440000 e29b
0m0.12s 1h30m 00 00Z seconds hours milliseconds \x00 \\n null true 1e5 -0 -1.50 one Two three_4 — … 😀 한 ﬁ
"""
PIECES = [*FRAGMENTS.split(), *" \n\t\x1c", "  ", "\u00a0", "\u3000", "\u2028", "\ud800", "x" * 30, "7" * 20]
BREAKS = ("\\", "\\\\", "\\n", "\\t", "\\r", '\\"', "\\u0001", "n", " ")
SOUP = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)
TEXTS = st.one_of(ANY_TEXT, SOUP, SOUP.map(lambda text: text * 40))
BYTES = st.one_of(TEXTS.map(canonical), st.lists(st.integers(0, 0xF4), max_size=300).map(bytes))  # no more in UTF-8
SAID = sorted(
    {*phrases.FAILURES_WITHIN, *phrases.FAILURES_AHEAD, *phrases.FRAMES, *phrases.EXIT_CODES, *phrases.HTTP_STARTS}
    | {start for starts in phrases.FAILURE_STARTS.values() for start in starts}
    | {b"2 failed, 3 passed in", b"Traceback (most recent call last)", b"404", b"1", b"the", b"and so on", b"{", b"-"}
)
RESULTS = st.lists(st.sampled_from(SAID), max_size=40).map(b" ".join)
PLENTY = settings(max_examples=200, deadline=None)


@pytest.mark.skipif(os.environ.get("AGENTWATCH_CI") != "1", reason="only a clean build promises it")
def test_the_build_made_it_where_there_is_a_compiler() -> None:
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if header.is_file() and any(map(shutil.which, ("cc", "gcc", "clang"))):
        assert native is not None


@built
@PLENTY
@given(TEXTS)
@example("\ud800\udc00\udfff")
@example("a  b\x1f\x1c c \x00 ")
@example(" " * 5000)
def test_folding(text: str) -> None:
    folded = native.fold(text)
    assert folded in (None, _folded(text))
    assert folded is not None or not text.isascii()


@built
@PLENTY
@given(st.lists(st.sampled_from([*PIECES[:40], *BREAKS])).map("".join))
@example("\\")
@example("\\n\\\\n\\\\\\n")
def test_breaks_in_json(text: str) -> None:
    encoded = text.encode(errors="replace")
    assert native.unbroken(encoded) in (None, unbroken(encoded))
    assert native.unbroken(encoded) is not None or not text.isascii()


@built
def test_what_nfc_may_change_is_left_to_the_pure_form() -> None:
    later = {
        parts[1]
        for point in range(0x110000)
        if len(parts := unicodedata.decomposition(chr(point)).split()) == 2 and not parts[0].startswith("<")
    }
    later |= {f"{point:04X}" for point in (*range(0x1160, 0x1177), *range(0x11A7, 0x11C4))}  # parts of Hangul
    for point in range(0x110000):
        char = chr(point)
        folded = native.fold(f"a{char}b")
        if folded is not None:
            assert folded == _folded(f"a{char}b"), hex(point)
            assert not unicodedata.combining(char), hex(point)
            assert f"{point:04X}" not in later or point < 0x80, hex(point)


@built
@PLENTY
@given(st.binary(max_size=3000))
def test_digests(form: bytes) -> None:
    assert native.digest(form) == xxh3_64_intdigest(form)


@built
def test_digests_of_every_length() -> None:
    source = bytes(byte * 7 % 251 for byte in range(5000))
    for length in (*range(2200), 3072, 3073, 4999):
        assert native.digest(source[:length]) == xxh3_64_intdigest(source[:length])


@built
@settings(max_examples=300, deadline=None)
@given(BYTES, st.sampled_from([64, 65, 100, 16_384]))
@example(b"2024-05-01 10:11:12,5 ms 2024-05-01_1:02:03.5Z,77", 64)
@example(b"1.2.3.4:54321 1:2:3:4 999.1.1.1:00001 0h0m0.0s0ms", 64)
@example(b"pid 1 pid=22 pid 12:13:14 PID\x00\x001 pid  =  9", 64)
@example("5 µs 1.5µs a1µs ".encode(), 64)
@example("中文ab中 é1".encode() * 30, 64)
@example(b"-0 -0.5 1.5e3 123456789012345 1234567890123.5 0.1 0.30000000000001 .7 8.", 64)
def test_forms_words_sketches_and_numbers(plain: bytes, cap_bytes: int) -> None:
    masked = mask(plain)
    shaped = shape(masked)
    assert native.mask(plain) == masked
    assert (native.mask(plain) is plain) == (masked is plain)
    assert native.shape(plain) == shaped
    for result, sketched in ((False, False), (False, True), (True, True)):
        made = native.measure(plain, 7, result, sketched, cap_bytes, watched_words())
        assert made[0] == (7 if masked is plain else xxh3_64_intdigest(masked))
        assert made[1] == (made[0] if shaped is masked else xxh3_64_intdigest(shaped))
        assert made[2] == word_count(masked)
        assert made[4] == (sketch(masked, cap_bytes) if sketched else b"")
        assert repr(made[5]) == repr(numbers(masked) if result else ())


@built
@PLENTY
@given(TEXTS, st.sampled_from([64, 65, 16_384]))
def test_shingles(text: str, cap_bytes: int) -> None:
    masked = mask(canonical(text))
    assert masked_form(text) == masked
    packed = native.shingles(masked, cap_bytes)
    assert list(struct.unpack(f"={len(packed) // 8}Q", packed)) == shingle_hashes(masked, cap_bytes)


@built
@given(TEXTS, st.sampled_from([1, 4, 64]))
def test_shingles_for_the_residual(text: str, tail_words: int) -> None:
    fast = text_shingles(text, tail_words=tail_words, cap_bytes=64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shingles, "compiled_form", lambda: False)
        pure = text_shingles(text, tail_words=tail_words, cap_bytes=64)
    assert (fast.every.tolist(), fast.tail.tolist()) == (pure.every.tolist(), pure.tail.tolist())


@built
@given(st.lists(TEXTS, max_size=6), st.integers(1, 4), st.sampled_from([6, 11]))
def test_what_is_learnt(prompts: list[str], rows: int, width_bits: int) -> None:
    options = residual.ResidualOptions(rows=rows, width_bits=width_bits)
    fast, pure = (residual.LearntSubject.new("a", options) for _ in range(2))
    for witness, text in enumerate([*prompts, *prompts[:2]]):
        held = text_shingles(text + " again again", cap_bytes=64)
        fast.learn(held, witness, options)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(shingles, "compiled_form", lambda: False)
            pure.learn(held, witness, options)
    assert fast == pure


@built
@PLENTY
@given(st.binary(max_size=400))
def test_bytes_that_are_no_text_are_measured_too(plain: bytes) -> None:
    assert len(native.measure(plain, 7, True, True, 64, watched_words())[4]) in (0, 64)


@built
@given(st.binary(max_size=40))
def test_words(word: bytes) -> None:
    assert native.word_hash(word) == word_hash(word)


@built
@settings(max_examples=300, deadline=None)
@given(st.one_of(RESULTS, BYTES))
def test_what_is_surely_content_is_content(plain: bytes) -> None:
    if native.measure(plain, 0, True, False, 64, watched_words())[3]:
        assert classify(plain) is ResultClass.content


@built
def test_most_prose_is_surely_content() -> None:
    prose = b"agents that work tell something new each time they are asked and so nobody has to look after them " * 3
    assert native.measure(prose, 0, True, False, 64, watched_words())[3]


EVENTS = st.lists(
    st.builds(
        lambda i, o, a, r: Event(agent="a", input=i, output=o, arguments=a, result=r),
        *(st.none() | TEXTS | st.sampled_from(['{"b": 1, "a": [2]}', "[1, 2", "{}", "ok", "same again"]),) * 4,
    ),
    max_size=6,
)


@built
@settings(max_examples=200, deadline=None)
@given(EVENTS, EVENTS, st.sampled_from([(), ("output", "result")]), st.sampled_from([1, 3, 100]))
def test_batches(first: list[Event], second: list[Event], fields: tuple[str, ...], entries: int) -> None:
    options = FingerprintOptions(sketch_fields=fields, sketch_cap_bytes=64, cache_entries=entries)  # type: ignore[arg-type]
    fast, pure = Fingerprinter(options), Fingerprinter(options, pure=True)
    for events in (first, second):
        assert fast.batch(events) == pure.batch(events)
        assert fast.texts == pure.texts


@built
@pytest.mark.parametrize(
    "piece", ["word ", "1 ", "1.", "12 ms ", "a1b2c3d4-", "é", "中", "\n", "pid 1", "/tmp/tmp", "\x00"]
)
def test_long_texts(piece: str) -> None:
    text = piece * (300_000 // len(piece))
    assert native.fold(text) in (None, canonical(text))
    (fast,) = Fingerprinter().batch([Event(agent="a", result=text)])
    (pure,) = Fingerprinter(pure=True).batch([Event(agent="a", result=text)])
    assert fast == pure


SKETCHES = st.lists(st.integers(0, 2), min_size=BINS, max_size=BINS).map(bytes)  # few values, so that many agree


@built
@PLENTY
@given(st.one_of(SKETCHES, st.binary()), st.lists(st.one_of(SKETCHES, st.binary())))
def test_likeness(one: bytes, others: list[bytes]) -> None:
    assert ESTIMATES[native.agreeing(one, others)] == nearest(one, others)
    assert [ESTIMATES[native.agreeing(one, (other,))] for other in others] == [similarity(one, each) for each in others]


@built
@pytest.mark.parametrize(
    "wrong",
    [
        lambda: native.fold(b"bytes"),
        lambda: native.digest("text"),
        lambda: native.mask(1),
        lambda: native.agreeing("text", ()),
        lambda: native.agreeing(b"", 1),
        lambda: native.agreeing(b"", ["text"]),
        lambda: native.measure(b"", 1),
        lambda: native.measure("", 1, True, True, 64, watched_words()),
        lambda: native.measure(b"", 1, True, True, "64", watched_words()),
    ],
)
def test_wrong_arguments_are_type_errors(wrong: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        wrong()


@built
@pytest.mark.parametrize(("counts", "width_bits"), [(bytes(64), 6), (bytearray(63), 6), (bytearray(64), 0)])
def test_counters_of_another_size_are_refused(counts: bytearray, width_bits: int) -> None:
    with pytest.raises(ValueError, match="counts"):
        native.count(counts, b"12345678", width_bits, b"12345678")


@built
@pytest.mark.parametrize(("cap_bytes", "watched"), [(64, b""), (0, watched_words() if native else b"")])
def test_wrong_values_are_refused(cap_bytes: int, watched: bytes) -> None:
    with pytest.raises(ValueError, match="watched"):
        native.measure(b"", 1, True, True, cap_bytes, watched)


@pytest.fixture
def asked_anew() -> Iterator[None]:
    compiled_form.cache_clear()
    yield
    compiled_form.cache_clear()


@pytest.mark.usefixtures("asked_anew")
def test_the_variable_keeps_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(compiled.PURE, "1")
    assert not compiled_form()
    (made,) = Fingerprinter().batch([Event(agent="a", output="text 1")])
    assert made.output == fingerprint_text("text 1")


@built
@pytest.mark.usefixtures("asked_anew")
def test_a_build_of_another_interface_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(compiled.PURE, raising=False)
    assert compiled_form()
    compiled_form.cache_clear()
    monkeypatch.setattr(compiled, "_INTERFACE", -1)
    assert not compiled_form()


@built
@given(
    st.text("ab ", max_size=90),
    st.text("abcdefgh ", max_size=700),
    st.integers(1, 60),
    st.sampled_from(("", "é", "x" * 17_000)),
)
def test_a_text_without_an_echo_is_told_from_one_that_has_one(block, other, times, end):
    text = other[: len(other) // 2] + block * times + other[len(other) // 2 :] + end
    tail = text[-CAP_CHARS:]
    expected = len(text) >= LEAST_CHARS and any(True for _ in _echoes(tail))
    assert native.has_echo(text) == (expected or not text.isascii())

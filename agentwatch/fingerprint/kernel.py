"""The sketches of many texts at once: all masked forms in one buffer, one pass of numpy over it.

It gives the bytes that `sketch.sketch` gives. Cost is in the words, not in the texts: nothing loops over texts, and
no reduction over segments is used, because an empty segment (a text without words) would take its neighbour's value.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentwatch.fingerprint import sketch as one
from agentwatch.fingerprint.words import WORD_BYTES, sketched_part

__all__ = ["sketch_many"]

U64 = NDArray[np.uint64]
Index = NDArray[np.intp]

_HEAD, _TAIL, _LENGTH, _PAIR, _MIX = (np.uint64(k) for k in (one.HEAD, one.TAIL, one.LENGTH, one.PAIR, one.MIX))
_UNMET = np.uint64(one.UNMET)
_HALF = np.uint64(32)
_BIN_SHIFT = np.uint64(58)
_KEPT = np.array([(1 << 8 * n) - 1 for n in range(9)], dtype=np.uint64)  # the first n bytes, little-endian
_LEAD = 0xE0
_BINS_IN_ORDER = np.arange(one.BINS)


def sketch_many(texts: Sequence[bytes], cap_bytes: int, batch_bytes: int) -> tuple[list[bytes], list[int]]:
    """Sketch masked forms, in order; returns the sketches (b"" without words) and the words counted in each.

    Of a text longer than the cap only the words of its head and tail are counted.
    """
    sketches: list[bytes] = []
    counts: list[int] = []
    batch: list[bytes] = []
    size = 0
    for text in texts:
        part = text if len(text) <= cap_bytes else sketched_part(text, cap_bytes)
        if batch and size + len(part) > batch_bytes:
            _sketch_batch(batch, sketches, counts)
            batch, size = [], 0
        batch.append(part)
        size += len(part)
    if batch:
        _sketch_batch(batch, sketches, counts)
    return sketches, counts


def _sketch_batch(texts: list[bytes], sketches: list[bytes], counts: list[int]) -> None:
    joined = b" ".join(texts) + b"         "  # windows of eight bytes may read past the last word
    low = joined.translate(WORD_BYTES)
    starts, ends = _bounds(np.frombuffer(low, dtype=np.uint8), ascii_only=joined.isascii())
    lengths = np.fromiter(map(len, texts), dtype=np.intp, count=len(texts))
    borders = np.cumsum(lengths + 1)  # a word that begins before borders[i] is of a text up to i
    held = np.diff(np.searchsorted(starts, borders), prepend=0)
    least = np.full(len(texts) * one.BINS, _UNMET, dtype=np.uint64)
    if len(starts):
        hashes = _word_hashes(low, starts, ends)
        base = np.repeat(np.arange(len(texts), dtype=np.intp) * one.BINS, held)
        pairs = _mixed(hashes[:-1] * _PAIR + hashes[1:])
        pairs[base[:-1] != base[1:]] = _UNMET  # two texts have no shingle between them
        _lower(least, base, hashes)
        _lower(least, base[:-1], pairs)
    counts += held.tolist()
    raw = _densified(least.reshape(-1, one.BINS))
    sketches += [
        raw[at : at + one.BINS] if held_by else b""
        for at, held_by in zip(range(0, len(raw), one.BINS), held.tolist(), strict=True)
    ]


def _bounds(low: NDArray[np.uint8], *, ascii_only: bool) -> tuple[Index, Index]:
    word = low > 32
    before = np.empty_like(word)
    before[0] = False
    before[1:] = word[:-1]
    if ascii_only:
        edges = np.flatnonzero(word != before)
        return edges[::2], edges[1::2]
    lead = low >= _LEAD
    start = word & (~before | lead)
    stop = before.copy()  # a place just after a word byte that begins a word or belongs to none
    stop &= ~word | lead
    return np.flatnonzero(start), np.flatnonzero(stop)


def _word_hashes(low: bytes, starts: Index, ends: Index) -> U64:
    windows: NDArray[Any] = np.ndarray((len(low) - 7,), dtype="<u8", buffer=low, strides=(1,))
    lengths = ends - starts
    kept = _KEPT[np.minimum(lengths, 8)]
    hashes: U64 = (windows[starts] & kept) * _HEAD
    hashes += (windows[np.maximum(ends - 8, starts)] & kept) * _TAIL
    hashes += lengths.astype(np.uint64) * _LENGTH
    return _mixed(hashes)


def _mixed(value: U64) -> U64:
    value ^= value >> _HALF
    value *= _MIX
    value ^= value >> _HALF
    value *= _MIX
    value ^= value >> _HALF
    return value


def _lower(least: U64, base: Index, hashes: U64) -> None:
    np.minimum.at(least, base + (hashes >> _BIN_SHIFT).astype(np.intp), hashes)


def _densified(least: U64) -> bytes:
    """Fill the bins that no shingle met and keep the low bytes, text after text."""
    codes: NDArray[np.uint8] = least.astype(np.uint8)  # modulo 256
    unmet = least == _UNMET
    thin = np.flatnonzero(unmet.any(axis=1))
    if len(thin):
        # Bins first, so that each step moves whole rows; bytes, not hashes, so that a row is short.
        rows = np.ascontiguousarray(codes[thin].T)
        gaps = np.ascontiguousarray(unmet[thin].T)
        for step in (1, 2, 4, 8, 16, 32):
            other = _BINS_IN_ORDER ^ step
            rows = np.where(gaps, rows[other], rows)
            gaps &= gaps[other]
        codes[thin] = rows.T
    return codes.tobytes()

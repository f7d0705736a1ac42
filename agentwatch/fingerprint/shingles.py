"""The hashes of a prompt's shingles, all at once: how they are made, counted, and looked up in rows of counters.

This is the part of the residual that needs numpy; it is loaded at the first prompt that is compared.
"""

from collections.abc import Iterator

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from agentwatch.fingerprint.canonical import canonical
from agentwatch.fingerprint.compiled import compiled_form, masked_form, native
from agentwatch.fingerprint.mask import mask
from agentwatch.fingerprint.sketch import BINS, MIX, PAIR, word_hash
from agentwatch.fingerprint.words import words

__all__ = ["Shingles", "sketch_shingles", "text_shingles"]

_NO_HASHES = np.empty(0, dtype=np.uint64)
_BIN_HASHES = np.arange(BINS, dtype=np.uint64) << np.uint64(8)
_ODD = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xFF51AFD7ED558CCD)  # one for each row
_ODDS = np.array(_ODD, dtype=np.uint64).tobytes()
_ODDS_BYTES = 8  # of each of them


class Shingles(Struct, frozen=True):
    """Hashes of a prompt's shingles: all of them, and those of its last words (none where only a sketch is known)."""

    every: NDArray[np.uint64]
    tail: NDArray[np.uint64]
    bins: bool = False  # they are the bins of a sketch

    def counted_below(self, least: float, counts: bytearray, rows: int, width_bits: int) -> list[int]:
        """Give the hashes whose smallest counter in any row is below `least`."""
        if not len(self.every):
            return []
        held = np.min([row[cells] for row, cells in self._cells(counts, rows, width_bits)], axis=0)
        kept: list[int] = self.every[held < least].tolist()
        return kept

    def count(self, counts: bytearray, rows: int, width_bits: int) -> None:
        """Raise each cell of each row that a hash falls into by one, however many fall into it."""
        if compiled_form():
            native.count(counts, self.every, width_bits, _ODDS[: rows * _ODDS_BYTES])
            return
        for row, cells in self._cells(counts, rows, width_bits):
            row[cells] += 1

    def _cells(
        self, counts: bytearray, rows: int, width_bits: int
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint64]]]:
        """Give each row of counters with the cells of the hashes in it."""
        every = np.frombuffer(counts, dtype=np.uint8).reshape(rows, 1 << width_bits)
        shift = np.uint64(64 - width_bits)
        for row, odd in zip(every, _ODD, strict=False):
            yield row, (self.every * np.uint64(odd)) >> shift


def text_shingles(text: str, *, tail_words: int = 64, cap_bytes: int = 16_384) -> Shingles:
    """Hash the shingles of a text's masked form; of a text longer than the cap those of head and tail."""
    if compiled_form():
        both = np.frombuffer(native.shingles(masked_form(text), cap_bytes), dtype=np.uint64)
        single, double = both[: (len(both) + 1) // 2], both[(len(both) + 1) // 2 :]
    else:
        single = np.array(list(map(word_hash, words(mask(canonical(text)), cap_bytes))), dtype=np.uint64)
        double = _pairs(single)
    tail = np.concatenate((single[-tail_words:], double[max(0, len(single) - tail_words) :]))
    return Shingles(np.concatenate((single, double)), tail)


def sketch_shingles(sketch: bytes) -> Shingles:
    """Take the bins of a sketch for shingles: what there is when a producer sends no text."""
    if len(sketch) != BINS:
        return Shingles(_NO_HASHES, _NO_HASHES, bins=True)
    return Shingles(_BIN_HASHES | np.frombuffer(sketch, dtype=np.uint8), _NO_HASHES, bins=True)


def _pairs(single: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hash every two words in a row as `bigram_hash` does, all at once."""
    mixed = single[:-1] * np.uint64(PAIR) + single[1:]
    for _ in range(2):
        mixed ^= mixed >> np.uint64(32)
        mixed *= np.uint64(MIX)
    mixed ^= mixed >> np.uint64(32)
    return mixed

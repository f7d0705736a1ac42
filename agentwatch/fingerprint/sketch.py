"""The similarity sketch of one text, without numpy: one-permutation MinHash of its word 1- and 2-shingles.

64 bins of 8 bits. Each shingle's 64-bit hash picks a bin with its six top bits; a bin keeps the low byte of its least
hash. A bin that no shingle met takes the byte of bin `i ^ k` for the least `k` whose bin was met (densification).
Li, Owen and Zhang, "One Permutation Hashing" (2012); Shrivastava, "Optimal Densification" (2017).
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from agentwatch.fingerprint.words import words

__all__ = [
    "BINS",
    "ESTIMATES",
    "UNMET",
    "bigram_hash",
    "nearest",
    "shingle_hashes",
    "similarity",
    "sketch",
    "sketch_of_hashes",
    "word_hash",
]

BINS = 64
UNMET = (1 << 64) - 1  # the value of a bin that no shingle met
_M64 = (1 << 64) - 1
HEAD = 0x9E3779B97F4A7C15
TAIL = 0xC2B2AE3D27D4EB4F
LENGTH = 0x165667B19E3779F9
PAIR = 0xFF51AFD7ED558CCD
MIX = 0xD6E8FEB86659FD93
# Similarity by the number of agreeing bins: of independent bytes 1/256 agree by chance, which is taken off.
ESTIMATES = tuple(max(0.0, (agreeing / BINS - 1 / 256) / (1 - 1 / 256)) for agreeing in range(BINS + 1))
_number = int.from_bytes


def _mixed(value: int) -> int:
    value &= _M64
    value ^= value >> 32
    value = value * MIX & _M64
    value ^= value >> 32
    value = value * MIX & _M64
    return value ^ value >> 32


@lru_cache(maxsize=16384)
def word_hash(word: bytes) -> int:
    """Hash a word by its first eight bytes, its last eight bytes and its length: all of it up to sixteen bytes."""
    head = int.from_bytes(word[:8], "little")
    tail = int.from_bytes(word[-8:], "little")
    return _mixed(head * HEAD + tail * TAIL + len(word) * LENGTH)


def bigram_hash(first: int, second: int) -> int:
    """Hash two words in a row, given their hashes."""
    return _mixed(first * PAIR + second)


def shingle_hashes(text: bytes, cap_bytes: int) -> list[int]:
    """Hash every word and every two words in a row of a masked form (head and tail when longer than the cap)."""
    single = list(map(word_hash, words(text, cap_bytes)))
    return single + pairs(single)


def pairs(single: Sequence[int]) -> list[int]:
    """Hash every two words in a row, given the words' hashes in order."""
    return list(map(bigram_hash, single, single[1:]))


def sketch_of_hashes(hashes: Iterable[int]) -> bytes:
    """Fold shingle hashes into a sketch; b"" for none."""
    least = [UNMET] * BINS
    for value in hashes:
        bin_ = value >> 58
        if value < least[bin_]:
            least[bin_] = value
    filled = least
    for step in (1, 2, 4, 8, 16, 32):
        if UNMET not in filled:
            break
        filled = [filled[i ^ step] if value == UNMET else value for i, value in enumerate(filled)]
    return b"" if filled[0] == UNMET else bytes(value & 255 for value in filled)


def sketch(text: bytes, cap_bytes: int) -> bytes:
    """Sketch a masked form; b"" when it holds no word."""
    return sketch_of_hashes(shingle_hashes(text, cap_bytes))


def similarity(a: bytes, b: bytes) -> float:
    """Estimate the Jaccard similarity of two texts' shingles, in 0..1, from their sketches; 0 without a sketch.

    Standard error about sqrt(J(1-J)/64) <= .0625.
    """
    if len(a) != BINS or len(b) != BINS:
        return 0.0
    return ESTIMATES[(_number(a, "little") ^ _number(b, "little")).to_bytes(BINS, "little").count(0)]


def nearest(sketch: bytes, others: Iterable[bytes] | bytes) -> float:
    """Give the highest `similarity` of a sketch to any of the others (or one byte string of them); 0 without others."""
    if len(sketch) != BINS:
        return 0.0
    number, most = _number(sketch, "little"), 0
    if isinstance(others, bytes):
        for at in range(0, len(others) - BINS + 1, BINS):
            agreeing = (number ^ _number(others[at : at + BINS], "little")).to_bytes(BINS, "little").count(0)
            if agreeing > most:
                most = agreeing
        return ESTIMATES[most]
    for other in others:
        if len(other) == BINS:
            agreeing = (number ^ _number(other, "little")).to_bytes(BINS, "little").count(0)
            if agreeing > most:
                most = agreeing
    return ESTIMATES[most]

"""The compiled form, as Python sees it. Its source is in native/; the module named at each function is its oracle."""

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agentwatch.records import Fingerprint, ResultClass

INTERFACE: Final[int]
WATCH_BITS: Final[int]

Role = tuple[
    dict[int, Fingerprint],  # those that are known by exact digest; that of the latest use is the last
    bool,  # whether the texts are results
    bool,  # whether they are sketched
    int,  # cap_bytes
    bytes,  # watched words
    type[Fingerprint],
    ResultClass,  # of what is surely content
    Callable[[bytes], ResultClass],  # of a canonical form of which that is not sure
    Callable[[str], bytes],  # the canonical form of a text that `fold` does not do
    Callable[[bytes], bytes],  # the canonical form of a folded text that may be JSON
]

def fold(text: str, /) -> bytes | None:
    """Fold white space (`canonical`); None where only the pure form can: lone surrogates, what NFC might change."""

def unbroken(encoded: bytes, /) -> bytes | None:
    """Fold encoded JSON, escaped line breaks and tabs as spaces (`canonical`); None where only the pure form can."""

def digest(form: bytes, /) -> int:
    """XXH3, 64 bits (`xxhash.xxh3_64_intdigest`)."""

def agreeing(sketch: bytes, others: Iterable[bytes] | bytes, /) -> int:
    """Count the bins in which a sketch agrees with the one of some others that is most like it; 0 without a sketch.

    The others may be one byte string of whole sketches.
    """

def has_echo(text: str, /) -> bool:
    """Tell whether a probe into a text comes again close by (`chant`); True of one that is not ASCII."""

def word_hash(word: bytes, /) -> int:
    """Hash a word (`sketch`)."""

def mask(plain: bytes, /) -> bytes:
    """Give the masked form of a canonical form (`mask`); the same object when nothing is volatile."""

def shape(plain: bytes, /) -> bytes:
    """Give the shape of a canonical form, masked on the way (`shape`)."""

def shingles(masked: bytes, cap_bytes: int, /) -> bytes:
    """Hash the words of a masked form, and then its pairs of words, eight bytes each (`sketch.shingle_hashes`)."""

def count(counts: bytearray, hashes: NDArray[np.uint64], width_bits: int, odds: bytes, /) -> None:
    """Raise by one the counters of hashes, eight bytes each, in as many rows as there are odds (`residual`)."""

def measure(
    plain: bytes, exact: int, result: bool, sketched: bool, cap_bytes: int, watched: bytes, /
) -> tuple[int, int, int, bool, bytes, tuple[float, ...]]:
    """Give what a fingerprint holds beside its exact digest.

    That is: masked and shape digests, the number of words, whether the text is surely content (`classify`), the sketch
    (b"" unless `sketched`), and of a `result` the numbers. `exact` comes back as `masked` when nothing is volatile.
    """

def fingerprint(text: str, role: Role, /) -> Fingerprint:
    """Give the fingerprint of a text (`single`): the one that is known, or a new one that is known from now on."""

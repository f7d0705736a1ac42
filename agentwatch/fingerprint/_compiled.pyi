"""The compiled form, as Python sees it. Its source is in native/; the module named at each function is its oracle."""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agentwatch.records import Event, Prints

INTERFACE: Final[int]
WATCH_BITS: Final[int]

CLASSES: Final[tuple[str, ...]]
FIELDS: Final[tuple[str, ...]]  # each as `class.field`
GIVEN: Final[tuple[str, ...]]

class Maker:
    """Fingerprints events (`batch.Fingerprinter`), and remembers the latest distinct texts of each role.

    It takes the classes and the places of fields that `CLASSES` and `FIELDS` name, and of the pure form what `GIVEN`
    names; which of the four texts are sketched, cap_bytes, how many texts of a role are remembered, and watched words.
    """

    texts: int
    hits: int
    sketched: int
    evicted: int
    def __new__(
        cls,
        classes: tuple[type, ...],
        places: tuple[int, ...],
        given: tuple[object, ...],
        sketched: tuple[bool, ...],
        cap_bytes: int,
        entries: int,
        watched: bytes,
        /,
    ) -> Maker: ...
    def batch(self, events: Iterable[Event], /) -> list[Prints]:
        """Give the prints of events, in their order."""

def place(instance: object, value: object, /) -> int:
    """Find where the one reference to a value lies in an object, in bytes; -1 without one, or with several."""

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
    (b"" unless `sketched`), and of a `result` the numbers. `exact` comes back as `masked` when nothing is volatile;
    only a `result` is surely content.
    """

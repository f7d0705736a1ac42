"""The compiled form, as Python sees it. Its source is in native/; the module named at each function is its oracle."""

from typing import Final

INTERFACE: Final[int]
WATCH_BITS: Final[int]

def fold(text: str, /) -> bytes | None:
    """Fold white space (`canonical`); None where only the pure form can: lone surrogates, what NFC might change."""

def identify(text: str, /) -> tuple[bytes | None, int | None]:
    """Fold a text and digest it; None for the text as `fold` has it, and for the digest of what may be JSON, too."""

def digest(form: bytes, /) -> int:
    """XXH3, 64 bits (`xxhash.xxh3_64_intdigest`)."""

def word_hash(word: bytes, /) -> int:
    """Hash a word (`sketch`)."""

def mask(plain: bytes, /) -> bytes:
    """Give the masked form of a canonical form (`mask`); the same object when nothing is volatile."""

def shape(plain: bytes, /) -> bytes:
    """Give the shape of a canonical form, masked on the way (`shape`)."""

def measure(
    plain: bytes, exact: int, result: bool, sketched: bool, cap_bytes: int, watched: bytes, /
) -> tuple[int, int, int, bool, bytes, tuple[float, ...]]:
    """Give what a fingerprint holds beside its exact digest.

    That is: masked and shape digests, the number of words, whether the text is surely content (`classify`), the sketch
    (b"" unless `sketched`), and of a `result` the numbers. `exact` comes back as `masked` when nothing is volatile.
    """

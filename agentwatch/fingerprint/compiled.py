"""The compiled form of fingerprints, where the build found a C compiler: the same results at a fraction of the cost.

What it cannot do it asks of the pure form: JSON, texts that Unicode NFC might change, lone surrogates, and the class of
results in which a word occurs that a rule of `classify` asks for.
"""

import os
from collections.abc import Iterable
from functools import cache, partial
from typing import TYPE_CHECKING

from xxhash import xxh3_64_intdigest

from agentwatch.fingerprint import phrases
from agentwatch.fingerprint.canonical import canonical, sorted_json, unbroken
from agentwatch.fingerprint.single import text_class
from agentwatch.fingerprint.sketch import word_hash
from agentwatch.records import Fingerprint, ResultClass

if TYPE_CHECKING:
    from agentwatch.fingerprint._compiled import Role

try:
    from agentwatch.fingerprint import _compiled as native
except ImportError:  # no compiler where it was built
    native = None  # type: ignore[assignment]  # whoever uses it asks first whether it is there

__all__ = ["PURE", "compiled_form", "form_name", "form_trouble", "masked_form", "native", "role_of", "watched_words"]

PURE = "AGENTWATCH_PURE"  # the variable that keeps the compiled form out
_INTERFACE = 7


@cache
def compiled_form() -> bool:
    """Tell whether the compiled form runs: built, of this version, right on a sample, and not kept out by `PURE`."""
    return native is not None and os.environ.get(PURE) in (None, "", "0") and not form_trouble()


def form_name() -> str:
    """Name the form that runs, for logs, status and metrics."""
    return "compiled" if compiled_form() else "pure"


def form_trouble() -> str:
    """Say why a compiled form that is there cannot be trusted; empty where it can, and where there is none."""
    if native is None:
        return ""
    if native.INTERFACE != _INTERFACE:
        return f"the compiled form has interface {native.INTERFACE}, {_INTERFACE} is needed: build it anew"
    if native.digest(b"agentwatch") != xxh3_64_intdigest(b"agentwatch"):
        return "the compiled form gives another digest of a sample than it should: build it anew"
    return ""


def role_of(known: dict[int, Fingerprint], *, result: bool, sketched: bool, cap_bytes: int) -> "Role":
    """Make what the compiled form must know of texts that are treated alike; it adds to `known`."""
    classify = partial(text_class, result=result)
    return (
        *(known, result, sketched, cap_bytes, watched_words()),
        *(Fingerprint, ResultClass.content, classify, canonical, _rewritten),
    )


def masked_form(text: str) -> bytes:
    """Give the masked form of a text."""
    folded = native.fold(text)
    return native.mask(canonical(text) if folded is None else _rewritten(folded))


def _rewritten(folded: bytes) -> bytes:
    encoded = sorted_json(folded)
    if not encoded:
        return folded
    form = native.unbroken(encoded)
    return unbroken(encoded) if form is None else form


@cache
def watched_words() -> bytes:
    """Make the bitmap of the words that `classify` has a rule for: first those of a first word, then those of any."""
    first = {*phrases.FRAME_FIRST, *phrases.FAILURE_STARTS, *phrases.HTTP_FIRST}
    return _bitmap(first) + _bitmap(phrases.EXIT_WORDS | phrases.FAILURE_WORDS)


def _bitmap(words: Iterable[bytes]) -> bytes:
    bits = bytearray(native.WATCH_BITS // 8)
    for word in words:
        hashed = word_hash(word)
        for at in (hashed % native.WATCH_BITS, hashed // native.WATCH_BITS % native.WATCH_BITS):
            bits[at // 8] |= 1 << at % 8
    return bytes(bits)

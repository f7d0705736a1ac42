"""The compiled form of fingerprints, where the build found a C compiler: the same results at a fraction of the cost.

What it cannot do it leaves to the pure form: JSON, texts that Unicode NFC might change, lone surrogates, and results
whose words a rule of `classify` asks for.
"""

import os
from collections.abc import Iterable
from functools import cache

from xxhash import xxh3_64_intdigest

from agentwatch.fingerprint import phrases
from agentwatch.fingerprint.canonical import canonical, rewritten
from agentwatch.fingerprint.single import text_class
from agentwatch.fingerprint.sketch import word_hash
from agentwatch.records import Fingerprint, ResultClass

try:
    from agentwatch.fingerprint import _compiled as native
except ImportError:  # no compiler where it was built
    native = None  # type: ignore[assignment]

__all__ = ["PURE", "CompiledForm", "compiled_form", "form_name", "native", "watched_words"]

PURE = "AGENTWATCH_PURE"  # the variable that keeps the compiled form out
_INTERFACE = 1
_CONTENT = ResultClass.content


class CompiledForm:
    """Makes fingerprints one at a time by the compiled functions."""

    def __init__(self, cap_bytes: int) -> None:
        self._cap_bytes = cap_bytes
        self._watched = watched_words()

    def identify(self, text: str) -> tuple[bytes, int]:
        """Give a text's canonical form and the digest of that."""
        plain, exact = native.identify(text)
        if exact is not None and plain is not None:
            return plain, exact
        form = canonical(text) if plain is None else rewritten(plain)
        return form, native.digest(form)

    def fingerprint(self, plain: bytes, exact: int, *, result: bool, sketched: bool) -> Fingerprint:
        """Fingerprint a canonical form."""
        masked, shape, words, content, sketch, numbers = native.measure(
            plain, exact, result, sketched, self._cap_bytes, self._watched
        )
        klass = _CONTENT if content else text_class(plain, result=result)
        return Fingerprint(exact, masked, shape, len(plain), words, klass, sketch, numbers)


@cache
def compiled_form() -> bool:
    """Tell whether the compiled form runs: built, of this version, right on a sample, and not kept out by `PURE`."""
    if native is None or os.environ.get(PURE) not in (None, "", "0"):
        return False
    return native.INTERFACE == _INTERFACE and native.digest(b"agentwatch") == xxh3_64_intdigest(b"agentwatch")


def form_name() -> str:
    """Name the form that runs, for logs, status and metrics."""
    return "compiled" if compiled_form() else "pure"


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

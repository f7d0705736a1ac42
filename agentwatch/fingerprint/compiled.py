"""The compiled form of fingerprints, where the build found a C compiler: the same results at a fraction of the cost.

What it cannot do it asks of the pure form: JSON, texts that Unicode NFC might change, lone surrogates, and the class of
results in which a word occurs that a rule of `classify` asks for.
"""

import os
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct
from xxhash import xxh3_64_intdigest

from agentwatch.fingerprint import phrases
from agentwatch.fingerprint.canonical import canonical, sorted_json, unbroken
from agentwatch.fingerprint.classify import classify
from agentwatch.fingerprint.options import FingerprintOptions
from agentwatch.fingerprint.private import read_print
from agentwatch.fingerprint.single import fingerprint_text
from agentwatch.fingerprint.sketch import word_hash
from agentwatch.records import Event, FieldPrint, Fingerprint, Prints, PrivatePrints, ResultClass

if TYPE_CHECKING:
    from agentwatch.fingerprint._compiled import Maker

try:
    from agentwatch.fingerprint import _compiled as native
except ImportError:  # no compiler where it was built
    native = None  # type: ignore[assignment]  # whoever uses it asks first whether it is there

__all__ = [
    "PURE",
    "compiled_form",
    "form_name",
    "form_trouble",
    "maker_of",
    "masked_form",
    "native",
    "places",
    "watched_words",
]

PURE = "AGENTWATCH_PURE"  # the variable that keeps the compiled form out
_INTERFACE = 8
_RECORDS: tuple[type[Struct], ...] = (Event, PrivatePrints, FieldPrint, Fingerprint, Prints)
_CLASSES = {kind.__name__: kind for kind in _RECORDS}
_SENT = {"exact": "0a", "masked": "0b", "shape": "0c", "sketch": "0d", "pieces": "000e"}  # hexadecimal, or refused
_SAMPLE = "agentwatch 41"


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
    return "" if _fits() else "the compiled form does not know how records lie in memory here: build it anew"


def _fits() -> bool:
    """Tell whether the compiled form reads and makes records, tried on a sample."""
    try:
        maker = maker_of(FingerprintOptions())
        (made,) = maker.batch([Event(agent="a", output=_SAMPLE)])
    except (KeyError, ValueError, TypeError, AttributeError):
        return False
    return made == Prints(output=fingerprint_text(_SAMPLE))


def maker_of(options: FingerprintOptions) -> "Maker":
    """Make what fingerprints batches of events and remembers texts.

    It makes and reads records at the places in memory where their fields lie, which are found by looking. Raises
    ValueError, KeyError or TypeError where records are not laid out in a way that is known here.
    """
    found = {name: place for kind in (Event, PrivatePrints) for name, place in places(kind, written=False).items()}
    found |= places(FieldPrint, written=False, **_SENT)
    for kind in (Fingerprint, Prints):  # these are made, and so all of their fields must be known
        found |= places(kind)
        fields = {name for name in native.FIELDS if name.startswith(f"{kind.__name__}.")}
        if fields != places(kind).keys() or hasattr(kind, "__post_init__"):
            raise ValueError(f"{kind.__name__} has other fields, or more to it")
    given: dict[str, object] = {
        "canonical": canonical,
        "rewritten": _rewritten,
        "classify": classify,
        "read": read_print,
        "content": ResultClass.content,
        "empty": ResultClass.empty,
        "no_prints": Prints(),
        "no_text": "",
        "no_bytes": b"",
        "no_numbers": (),
    }
    return native.Maker(
        tuple(_CLASSES[name] for name in native.CLASSES),
        tuple(found[name] for name in native.FIELDS),
        tuple(given[name] for name in native.GIVEN),
        tuple(text in options.sketch_fields for text in ("input", "output", "arguments", "result")),
        options.sketch_cap_bytes,
        options.cache_entries,
        watched_words(),
    )


def places(kind: type[Struct], *, written: bool = True, **valid: object) -> dict[str, int]:
    """Find where the fields of a struct lie: in an object that holds another value in each of them.

    written: whether objects of it are made or written to. That may not be for one that the garbage collector follows:
    msgspec tells it of what is put into such a struct, and the compiled form does not. valid: values for fields that do
    not take any. Raises `ValueError` where something of that is not so.
    """
    if written and kind.__struct_config__.gc:
        raise ValueError(f"{kind.__name__} is followed by the garbage collector")
    values = {name: valid.get(name) or object() for name in kind.__struct_fields__}
    made = kind(**values)
    return {f"{kind.__name__}.{name}": native.place(made, value) for name, value in values.items()}


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

"""The canonical form: what two texts share when they differ only in spacing, Unicode composition or key order.

The steps, in order (docs/fingerprint.md states them for other languages):

1. lone surrogates become U+FFFD;
2. each run of white space becomes one space, none at either end; then Unicode NFC;
3. a JSON object or array is written again: keys sorted, no spacing, number literals as they were, line breaks and tabs
   in strings as spaces; then step 2 once more.

Every step is linear in the text, and no text makes it raise.
"""

import re
import unicodedata
from itertools import accumulate

import msgspec

__all__ = ["canonical", "rewritten", "sorted_json", "unbroken"]

JSON_MAX_BYTES = 65_536  # longer JSON counts as text: the tree that it makes costs many times its size
JSON_MAX_DEPTH = 64
NFC_MAX_STRETCH = 256  # normalising sorts each stretch of marks by insertion, which is quadratic in the stretch

_SPACES = bytes.maketrans(b"\t\n\v\f\r\x1c\x1d\x1e\x1f", b" " * 9)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_CLOSING = {ord("{"): ord("}"), ord("["): ord("]")}
_ASCII = re.compile(r"[\x00-\x7f]++")
_DECODER = msgspec.json.Decoder(float_hook=lambda literal: msgspec.Raw(literal.encode()))
_ENCODER = msgspec.json.Encoder(order="sorted")


def canonical(text: str) -> bytes:
    """Return the canonical form as UTF-8; texts of equal form count as the same text."""
    return rewritten(_folded(text))


def rewritten(folded: bytes) -> bytes:
    """Write a folded text again if it is a JSON object or array: the last step of the canonical form."""
    encoded = sorted_json(folded)
    return unbroken(encoded) if encoded else folded


def _folded(text: str) -> bytes:
    if not text.isascii():
        return _composed(" ".join(_without_lone_surrogates(text).split())).encode()
    folded = text.encode().translate(_SPACES)
    while b"  " in folded:
        folded = folded.replace(b"  ", b" ")
    return folded.strip(b" ")


def _without_lone_surrogates(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _composed(folded: str) -> str:
    if len(folded) <= NFC_MAX_STRETCH or max(map(len, _ASCII.split(folded))) <= NFC_MAX_STRETCH:
        return unicodedata.normalize("NFC", folded)
    return folded


def sorted_json(folded: bytes) -> bytes:
    """Encode a JSON object or array with sorted keys; b"" when the text is none, too long or too deep."""
    if not folded or _CLOSING.get(folded[0]) != folded[-1] or len(folded) > JSON_MAX_BYTES or _too_deep(folded):
        return b""
    try:
        return _ENCODER.encode(_DECODER.decode(folded))
    except (msgspec.DecodeError, RecursionError, ValueError):
        return b""


def unbroken(encoded: bytes) -> bytes:
    """Fold encoded JSON, in whose strings line breaks and tabs are spaces."""
    if b"\\" in encoded:
        # Split at escaped backslashes, so that what is left of "\\n" is no line break.
        encoded = b"\\\\".join(map(_unbroken, encoded.split(b"\\\\")))
    return _folded(encoded.decode())


def _unbroken(part: bytes) -> bytes:
    return part.replace(b"\\n", b" ").replace(b"\\t", b" ").replace(b"\\r", b" ")


def _too_deep(raw: bytes) -> bool:
    if raw.count(b"{") + raw.count(b"[") <= JSON_MAX_DEPTH:
        return False
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = b"".join(raw.split(b'"')[::2]).translate(None, _NOT_BRACKETS)
    return max(accumulate(map(_STEP.__getitem__, outside)), default=0) > JSON_MAX_DEPTH

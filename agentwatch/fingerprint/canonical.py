"""The canonical form: what two texts share when they differ only in spacing, Unicode composition or key order.

The steps, in order (docs/fingerprint.md states them for other languages):

1. lone surrogates become U+FFFD;
2. a text that is a JSON object or array is written again: keys sorted, no spacing, number literals as they were;
3. Unicode NFC;
4. each run of white space becomes one space, none at either end.

Every step is linear in the text, and no text makes it raise.
"""

import re
import unicodedata
from itertools import accumulate

import msgspec

__all__ = ["canonical"]

JSON_MAX_BYTES = 65_536  # longer JSON counts as text: the tree that it makes costs many times its size
JSON_MAX_DEPTH = 64
NFC_MAX_STRETCH = 256  # normalising sorts each stretch of marks by insertion, which is quadratic in the stretch

_SPACES = bytes.maketrans(b"\t\n\v\f\r\x1c\x1d\x1e\x1f", b" " * 9)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_CLOSING = {"{": "}", "[": "]"}
_ASCII = re.compile(r"[\x00-\x7f]++")
_DECODER = msgspec.json.Decoder(float_hook=lambda literal: msgspec.Raw(literal.encode()))
_ENCODER = msgspec.json.Encoder(order="sorted")


def canonical(text: str) -> bytes:
    """Return the canonical form as UTF-8; texts of equal form count as the same text."""
    first = text[:1]
    if first.isspace():
        text = text.strip()
        first = text[:1]
    if first in ("{", "["):
        stripped = text if text[-1] in "}]" else text.rstrip()
        if stripped[-1] == _CLOSING[first]:
            text = _sorted_json(stripped) or text
    if text.isascii():
        folded = text.encode().translate(_SPACES)
        while b"  " in folded:
            folded = folded.replace(b"  ", b" ")
        return folded.strip(b" ")
    return _composed(_without_lone_surrogates(text))


def _without_lone_surrogates(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _composed(text: str) -> bytes:
    folded = " ".join(text.split())
    if len(folded) <= NFC_MAX_STRETCH or max(map(len, _ASCII.split(folded))) <= NFC_MAX_STRETCH:
        # A mark after white space cannot make new white space, so folding first is safe.
        folded = unicodedata.normalize("NFC", folded)
    return folded.encode()


def _sorted_json(text: str) -> str:
    """Write JSON again with sorted keys and folded strings; "" when it is not JSON, too long or too deep."""
    if len(text) > JSON_MAX_BYTES:
        return ""
    try:
        raw = _without_lone_surrogates(text).encode()
        if len(raw) > JSON_MAX_BYTES or _too_deep(raw):
            return ""
        encoded = _ENCODER.encode(_DECODER.decode(raw))
    except (msgspec.DecodeError, RecursionError, ValueError):
        return ""
    if b"\\" in encoded:
        # Split at escaped backslashes, so that what is left of "\\n" is no line break.
        encoded = b"\\\\".join(_unbroken(part) for part in encoded.split(b"\\\\"))
    return encoded.decode()


def _unbroken(part: bytes) -> bytes:
    return part.replace(b"\\n", b" ").replace(b"\\t", b" ").replace(b"\\r", b" ")


def _too_deep(raw: bytes) -> bool:
    if raw.count(b"{") + raw.count(b"[") <= JSON_MAX_DEPTH:
        return False
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = b"".join(raw.split(b'"')[::2]).translate(None, _NOT_BRACKETS)
    return max(accumulate(map(_STEP.__getitem__, outside)), default=0) > JSON_MAX_DEPTH

"""Decode a JSON object that did not fit at once, and say in which top-level field the trouble lies.

Every scan is linear: a hostile entry costs no more than its size.
"""

import re
from itertools import accumulate
from typing import Any, Final

import msgspec

from agentwatch.errors import BadEvent

__all__ = ["decode_object", "decode_value"]

_STRING: Final = rb'"(?:[^"\\]++|\\.)*+(?:"|\Z)'
_STRINGS: Final = re.compile(_STRING, re.DOTALL)
_TOKENS: Final = re.compile(_STRING + rb"|[\[\]{},]", re.DOTALL)
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")
_DEPTH: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_ESCAPES: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.", re.DOTALL
)
_MAX_TOKENS: Final = 65536


def decode_object(data: bytes, max_depth: int) -> dict[str, Any]:
    """Decode one JSON object; raises `BadEvent` that names the top-level field ("" when it is the whole)."""
    found = decode_value(data, max_depth)
    if not isinstance(found, dict):
        raise BadEvent(f"a JSON object is wanted, not {_kind(found)}")
    return found


def decode_value(data: bytes, max_depth: int) -> Any:
    """Decode any JSON; raises `BadEvent`. Halves of surrogate pairs, as cut-off text has them, become U+FFFD."""
    if data.count(b"[") + data.count(b"{") > max_depth and _depth(data) > max_depth:
        raise BadEvent(f"is nested deeper than {max_depth}", _place(data, len(data), max_depth))
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        mended = _mend(data)
        if mended == data:
            raise _malformed(data, error, max_depth) from None
    try:
        return msgspec.json.decode(mended)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(mended, error, max_depth) from None


def _mend(data: bytes) -> bytes:
    return _ESCAPES.sub(lambda found: rb"\ufffd" if found.group(1) else found.group(), data)


def _malformed(data: bytes, error: Exception, max_depth: int) -> BadEvent:
    try:
        data.decode()
    except UnicodeDecodeError as bad:
        return BadEvent(f"is not UTF-8 at byte {bad.start}", _place(data, bad.start, max_depth))
    if isinstance(error, RecursionError):
        return BadEvent("is nested too deeply", _place(data, len(data), max_depth))
    reason, _, inside = str(error).partition(" - at ")
    if inside:
        return BadEvent(reason, _unreadable(data))
    found = re.search(r"\(byte (\d+)\)", reason)
    return BadEvent(reason, _place(data, int(found.group(1)) if found else len(data), max_depth))


def _unreadable(data: bytes) -> str:
    """Name the top-level field whose value is well-formed and yet cannot be held, as 1e400 cannot."""
    try:
        for key, value in msgspec.json.decode(data, type=dict[str, msgspec.Raw]).items():
            try:
                msgspec.json.decode(value)
            except msgspec.DecodeError:
                return key[:256]
    except msgspec.DecodeError:
        return ""
    return ""


def _depth(data: bytes) -> int:
    brackets = _STRINGS.sub(b"", data).translate(None, _NO_BRACKETS)
    return max(accumulate(map(_DEPTH.__getitem__, brackets)), default=0)


def _place(data: bytes, end: int, max_depth: int) -> str:
    """Name the top-level field in which byte `end` lies, or in which the nesting passes `max_depth`."""
    depth, key, wants_key = 0, b"", False
    for count, token in enumerate(_TOKENS.finditer(data, 0)):
        if token.start() >= end or count > _MAX_TOKENS:
            break
        sign = token.group()
        if sign in (b"{", b"["):
            depth += 1
            wants_key = depth == 1 and sign == b"{"
            if depth > max_depth:
                break
        elif sign in (b"}", b"]"):
            depth -= 1
        elif sign == b",":
            wants_key = depth == 1
        elif depth == 1 and wants_key:
            key, wants_key = sign if sign.endswith(b'"') else b"", False
    return key.strip(b'"')[:256].decode(errors="replace") if depth else ""


def _kind(value: Any) -> str:
    names = {list: "an array", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")

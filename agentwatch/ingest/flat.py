"""Read an entry of flat fields, as one types it by hand: every value is a string that stands for its field's type."""

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from agentwatch.errors import BadEvent
from agentwatch.ingest.json_text import decode_value

__all__ = ["to_float", "to_object"]

_INTEGERS: Final = frozenset(
    (
        "v",
        "step",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "reasoning_tokens",
        "epoch",
    )
)
_NUMBERS: Final = frozenset(("ts", "interval_s", "duration_ms"))
_STRUCTURED: Final = frozenset(("tags", "documents", "fp", "handles"))
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER: Final = re.compile(r"[-+]?(?:[0-9]{1,32}\.?[0-9]{0,32}|\.[0-9]{1,32})(?:[eE][-+]?[0-9]{1,3})?")


def to_object(fields: Mapping[bytes, bytes], known: frozenset[str], max_depth: int) -> dict[str, Any]:
    """Give each known field its type; an empty number or structure is absent. Raises `BadEvent` naming the field."""
    found: dict[str, Any] = {}
    for raw_name, raw in fields.items():
        name = raw_name.decode(errors="replace")
        if name not in known:
            found[name] = ""
            continue
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            raise BadEvent(f"is not UTF-8 at byte {error.start}", name) from None
        value = _typed(name, text, raw, max_depth)
        if value is not None:
            found[name] = value
    return found


def _typed(name: str, text: str, raw: bytes, max_depth: int) -> Any:
    if name in _INTEGERS:
        if not text:
            return None
        if not _INTEGER.fullmatch(text):
            raise BadEvent(f"{text!r:.40} is not a whole number", name)
        return int(text)
    if name in _NUMBERS:
        return to_float(name, text) if text else None
    if name in _STRUCTURED:
        return _structure(name, raw, max_depth) if text else None
    if name in ("op", "status", "trigger", "cost_usd") and not text:
        return None
    return text


def _structure(name: str, raw: bytes, max_depth: int) -> Any:
    try:
        return decode_value(raw, max_depth)
    except BadEvent as error:
        raise BadEvent(error.reason, f"{name}.{error.field}" if error.field else name) from None


def to_float(name: str, text: str) -> float:
    """Read a decimal number; raises `BadEvent` for anything else, and for what is not finite."""
    if not _NUMBER.fullmatch(text):
        raise BadEvent(f"{text!r:.40} is not a number", name)
    value = float(text)
    if not math.isfinite(value):
        raise BadEvent("is not a finite number", name)
    return value

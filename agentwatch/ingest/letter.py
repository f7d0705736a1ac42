"""Make a dead letter: the reason, and the original as text where it is text and as base64 where it is not."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Literal

from agentwatch.records import DeadLetter, Entry

__all__ = ["dead_letter"]

_KEPT_OF_OVERSIZED = 4096


def dead_letter(entry: Entry, at: float, field: str, reason: str, max_bytes: int) -> DeadLetter:
    """Keep a bad entry. One larger than `max_bytes` keeps the first 4 KiB of each value and is marked `cut`."""
    raw: Mapping[bytes, bytes] = (entry.fields or {}) if entry.data is None else {b"data": entry.data}
    cut = sum(len(key) + len(value) for key, value in raw.items()) > max_bytes
    if cut:
        raw = {key[:256]: value[:_KEPT_OF_OVERSIZED] for key, value in list(raw.items())[:64]}
    original, encoding = _text(raw)
    return DeadLetter(
        id=entry.id,
        entry=entry.id,
        at=at,
        reason=reason[:500],
        field=field[:256],
        original=original,
        encoding=encoding,
        cut=cut,
    )


def _text(raw: Mapping[bytes, bytes]) -> tuple[dict[str, str], Literal["utf-8", "base64"]]:
    try:
        return {key.decode(): value.decode() for key, value in raw.items()}, "utf-8"
    except UnicodeDecodeError:
        return {b64encode(key).decode(): b64encode(value).decode() for key, value in raw.items()}, "base64"

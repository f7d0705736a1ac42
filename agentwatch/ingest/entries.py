"""From the server's raw answers to entries, controls and acks."""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
import structlog

from agentwatch.records import Entry

__all__ = ["decoded", "entries_of", "entry_of"]

_DATA = b"data"
_log = structlog.get_logger()
T = TypeVar("T")


def entry_of(position: bytes, fields: Sequence[bytes] | None) -> Entry:
    """Make an entry: the JSON of `data`, or the flat fields."""
    if fields is None:  # deleted between its delivery and this read
        return Entry(position.decode(), None, {})
    if fields[0] == b"data":
        return Entry(position.decode(), fields[1])
    flat = dict(zip(fields[::2], fields[1::2], strict=False))
    data = flat.get(b"data")
    return Entry(position.decode(), data, None if data is not None else flat)


def entries_of(rows: Sequence[Any]) -> tuple[Entry, ...]:
    """Make the entries of an answer, in its order."""
    return tuple(
        [
            Entry(position.decode(), fields[1])
            if fields is not None and fields[0] == _DATA
            else entry_of(position, fields)
            for position, fields in rows
        ]
    )


def decoded(stream: str, rows: Sequence[Any], kind: type[T]) -> tuple[tuple[str, T], ...]:
    """Read JSON records with their positions; what cannot be read is logged and left out."""
    found: list[tuple[str, T]] = []
    for position, fields in rows:
        entry = entry_of(position, fields)
        try:
            found.append((entry.id, msgspec.json.decode(entry.data or b"", type=kind)))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            _log.warning("input_unreadable", stream=stream, position=entry.id, reason=str(error))
    return tuple(found)

"""The rows that commits leave in Redis, to be added up to the ledgers of their days."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from agentwatch.errors import Incompatible
from agentwatch.records import METRICS, LedgerRow

__all__ = ["LARGEST", "Sums", "overflow_name", "row_of", "row_of_sums", "rows_added_up"]

_OVERFLOW: Final = "(other)"
_FORM: Final = 1  # of a row
_WIDTH: Final = 1 + len(METRICS)
LARGEST: Final = 2**63 - 1  # of an integer in Redis
_DECODER = msgspec.msgpack.Decoder(tuple[int, dict[str, list[str | int]]])
_encode = msgspec.msgpack.encode
Sums = dict[str, list[int]]  # amounts in the order of METRICS, by line


def overflow_name(name: str) -> str:
    """Name the line under which one of this name is added up where there are too many."""
    return f"{name.partition('|')[0]}||{_OVERFLOW}||"


def row_of(used: LedgerRow) -> bytes:
    """Write what a commit used as one row to be added up."""
    try:
        return _encode((_FORM, used.days))
    except OverflowError:  # no sum is that large that anybody has spent
        capped = {day: [x if isinstance(x, str) else min(x, LARGEST) for x in row] for day, row in used.days.items()}
        return _encode((_FORM, capped))


def row_of_sums(days: dict[str, Sums]) -> bytes:
    """Write sums that could not be added to their ledgers as one row again."""
    flat: dict[str, list[str | int]] = {day: [] for day in days}
    for day, sums in days.items():
        for name, amounts in sums.items():
            flat[day] += (name, *(min(amount, LARGEST) for amount in amounts))
    return _encode((_FORM, flat))


def rows_added_up(
    rows: Iterable[bytes], days: dict[str, Sums] | None = None
) -> tuple[dict[str, Sums], list[bytes], dict[str, None]]:
    """Add rows up by day, to `days` where given; beside them those that cannot be read, as they are, and why."""
    days = {} if days is None else days
    unread: list[bytes] = []
    why: dict[str, None] = {}
    for raw in rows:
        try:
            for day, flat in _read(raw).items():
                _add(days.setdefault(day, {}), flat)
        except Incompatible as error:
            unread.append(raw)
            why[f"{error}; it is kept"] = None
    return days, unread, why


def _read(raw: bytes) -> dict[str, list[str | int]]:
    try:
        form, found = _DECODER.decode(raw)
    except msgspec.MsgspecError as error:
        raise Incompatible(f"a row that is owed to the ledgers cannot be read: {error}") from error
    if form != _FORM:
        raise Incompatible(f"a row that is owed to the ledgers has form {form}, this version reads {_FORM}")
    if any(len(flat) % _WIDTH for flat in found.values()):
        raise Incompatible("a row that is owed to the ledgers is not made of whole lines")
    return found


def _add(sums: Sums, flat: list[Any]) -> None:
    each = iter(flat)
    # as METRICS are ordered
    for name, events, tokens_in, tokens_out, cost, unpriced, looping in zip(*[each] * _WIDTH, strict=True):
        known = sums.get(name)
        if known is None:
            sums[name] = [events, tokens_in, tokens_out, cost, unpriced, looping]
            continue
        known[0] += events
        if tokens_in or tokens_out:
            known[1] += tokens_in
            known[2] += tokens_out
        if cost:
            known[3] += cost
        if unpriced or looping:
            known[4] += unpriced
            known[5] += looping

"""Lines of the ledgers in Redis: their names in a day's hash, and the rows that commits leave to be added up."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import add
from typing import Any, Final
from urllib.parse import quote, unquote

import msgspec

from agentwatch.errors import Incompatible
from agentwatch.records import LedgerLine

__all__ = [
    "LARGEST",
    "METRICS",
    "Sums",
    "line_name",
    "line_of",
    "overflow_name",
    "row_of",
    "row_of_sums",
    "rows_added_up",
]

METRICS: Final = ("events", "input_tokens", "output_tokens", "cost_nusd", "unpriced", "looping_nusd")
_OVERFLOW: Final = "(other)"
_KNOWN: Final = 16_384  # lines whose names are remembered
_FORM: Final = 1  # of a row
LARGEST: Final = 2**63 - 1  # of an integer in Redis
_DECODER = msgspec.msgpack.Decoder(tuple[int, dict[str, list[str | int]]])
_encode = msgspec.msgpack.encode
Sums = dict[str, list[int]]  # amounts in the order of METRICS, by line


def line_name(line: LedgerLine) -> str:
    """Name a line inside its day's hash: the escaped parts, of which each metric has one field."""
    return _join(line.tenant, line.team, line.app, line.agent, line.model)


def overflow_name(name: str) -> str:
    """Name the line under which one of this name is added up where there are too many."""
    return f"{name.partition('|')[0]}||{_OVERFLOW}||"


@lru_cache(maxsize=_KNOWN)  # the same few agents come again and again, and escaping is dearer than all else here
def _join(*parts: str) -> str:
    return "|".join(quote(part, safe=" ()@:,+") for part in parts)


def line_of(day: str, name: str, sums: dict[str, int]) -> LedgerLine:
    """Read a line back from its name and its metrics."""
    tenant, team, app, agent, model = (unquote(part) for part in name.split("|"))
    return LedgerLine(day=day, tenant=tenant, team=team, app=app, agent=agent, model=model, **sums)


def row_of(lines: Sequence[LedgerLine]) -> bytes:
    """Write the lines of a commit as one row: for each day, name and amounts of one line after the other."""
    days: dict[str, list[str | int]] = {}
    for one in lines:
        row = days.get(one.day)
        if row is None:
            row = days[one.day] = []
        row += (
            *(line_name(one), one.events, one.input_tokens, one.output_tokens),
            *(one.cost_nusd, one.unpriced, one.looping_nusd),
        )
    try:
        return _encode((_FORM, days))
    except OverflowError:  # no sum is that large that anybody has spent
        capped = {day: [x if isinstance(x, str) else min(x, LARGEST) for x in row] for day, row in days.items()}
        return _encode((_FORM, capped))


def row_of_sums(days: dict[str, Sums]) -> bytes:
    """Write sums that could not be added to their ledgers as one row again."""
    flat: dict[str, list[str | int]] = {day: [] for day in days}
    for day, sums in days.items():
        for name, amounts in sums.items():
            flat[day] += (name, *(min(amount, LARGEST) for amount in amounts))
    return _encode((_FORM, flat))


def rows_added_up(rows: Iterable[bytes]) -> tuple[dict[str, Sums], list[bytes], dict[str, None]]:
    """Add rows up by day; beside them those that cannot be read, as they are, and why."""
    days: dict[str, Sums] = {}
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
    return found


def _add(sums: Sums, flat: list[Any]) -> None:
    each = iter(flat)
    for name, *amounts in zip(*[each] * (len(METRICS) + 1), strict=True):
        known = sums.get(name)
        sums[name] = amounts if known is None else list(map(add, known, amounts))

"""Adds up a batch's usage into one line for each day, team, app, agent and model."""

from datetime import UTC, datetime
from itertools import chain
from typing import Annotated, Any

from msgspec import Meta, Struct

from agentwatch.cost.prices import AGGREGATES
from agentwatch.records import Event, LedgerRow, line_name

__all__ = ["OTHER", "Ledger", "LedgerOptions"]

OTHER = "(other)"
_DAY = 86400
_Key = tuple[str, str, str, str, str, str]  # day, tenant, team, app, agent, model
_LATEST = 253_402_300_799.0  # the last second of the year 9999
_REMEMBERED = 16_384  # lines; naming one is dearer than all else here


class LedgerOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """max_lines: distinct lines in a batch; what comes after them is added up by day and tenant as `(other)`."""

    max_lines: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000


class _Line:
    """One line, remembered over batches. row: its name and amounts in the batch of that number."""

    __slots__ = ("agent", "app", "batch", "model", "name", "row", "team", "tenant")

    def __init__(self, tenant: str, team: str, app: str, agent: str, model: str) -> None:
        self.tenant, self.team, self.app, self.agent, self.model = tenant, team, app, agent, model
        self.name = line_name(tenant, team, app, agent, model)
        self.row: list[Any] = []
        self.batch = -1


class Ledger:
    """The lines since the last `drain`. Nothing is lost at the bound: only the names are.

    Of the present day the latest line of each agent is found at once, for agents keep to their model; others by their
    whole names. Both are bounded, and begin anew where there are too many.
    """

    def __init__(self, options: LedgerOptions) -> None:
        self._options = options
        self._latest: dict[str, _Line] = {}
        self._lines: dict[_Key, _Line] = {}
        self._rows: dict[str, list[list[Any]]] = {}
        self._most = _REMEMBERED
        self._open = 0
        self._batch = 0
        self._day_from = self._day_until = 0.0
        self._day_name = ""
        self.merged = 0
        self.most = 0  # lines of the largest batch so far

    def add(self, event: Event, cost_nusd: int | None, looping: bool = False) -> None:
        """Add an event. looping: it came after the onset of a warning that stands, so its cost is waste."""
        row = self._row(event)
        row[1] += 1
        if (event.input_tokens or event.output_tokens) and event.op not in AGGREGATES:
            row[2] += event.input_tokens or 0
            row[3] += event.output_tokens or 0
        if cost_nusd is None:
            row[5] += 1
        elif cost_nusd:
            row[4] += cost_nusd
            if looping:
                row[6] += cost_nusd

    def waste(self, event: Event, nusd: int) -> None:
        """Count as waste, after the fact, what was spent between a loop's onset and the warning at this event."""
        self._row(event)[6] += nusd

    def drain(self) -> LedgerRow:
        """Give the lines and start anew."""
        self.most = max(self.most, self._open)
        days = {day: list(chain.from_iterable(rows)) for day, rows in self._rows.items()}
        self._rows, self._open, self._batch = {}, 0, self._batch + 1
        return LedgerRow(days)

    def _row(self, event: Event) -> list[Any]:
        if not self._day_from <= event.ts < self._day_until:
            self._turn_to(event.ts)
        line = self._latest.get(event.agent)
        if (
            line is None
            or line.batch != self._batch
            or line.model != event.model
            or line.app != event.app
            or line.tenant != event.tenant
            or line.team != event.team
        ):
            line = self._find(event)
        return line.row

    def _find(self, event: Event) -> _Line:
        key = (self._day_name, event.tenant, event.team, event.app, event.agent, event.model)
        line = self._lines.get(key)
        if (line is None or line.batch != self._batch) and self._open >= self._options.max_lines:
            self.merged += 1
            key = (key[0], key[1], OTHER, OTHER, OTHER, OTHER)
            line = self._lines.get(key)
        if line is None:
            line = self._remember(key)
        if line.batch != self._batch:
            self._begin(line)
        self._latest[line.agent] = line
        return line

    def _begin(self, line: _Line) -> None:
        line.row = [line.name, 0, 0, 0, 0, 0, 0]
        line.batch = self._batch
        self._rows.setdefault(self._day_name, []).append(line.row)
        self._open += 1

    def _remember(self, key: _Key) -> _Line:
        if len(self._lines) >= self._most:
            # begin anew with the lines of this batch alone
            self._lines = {key: line for key, line in self._lines.items() if line.batch == self._batch}
            self._most = len(self._lines) + _REMEMBERED
            self._latest.clear()
        line = self._lines[key] = _Line(*key[1:])
        return line

    def _turn_to(self, ts: float) -> None:
        day = int(min(ts, _LATEST)) // _DAY
        self._day_from, self._day_until = float(day * _DAY), float((day + 1) * _DAY)
        self._day_name = datetime.fromtimestamp(day * _DAY, UTC).strftime("%Y-%m-%d")
        self._latest.clear()

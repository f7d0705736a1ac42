"""Adds up a batch's usage into one line for each day, team, app, agent and model."""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain, compress
from sys import intern
from typing import Annotated, Any

from msgspec import Meta, Struct

from agentwatch.cost.prices import AGGREGATES
from agentwatch.records import METRICS, Event, LedgerRow, Observation, line_name

__all__ = ["OTHER", "Ledger", "LedgerOptions", "Line"]

OTHER = "(other)"
_DAY = 86400
_Key = tuple[str, str, str, str, str, str]  # day, tenant, team, app, agent, model
_LATEST = 253_402_300_799.0  # the last second of the year 9999
_NOUGHT = (0,) * len(METRICS)


class LedgerOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """max_lines: distinct lines in a batch; what comes after them is added up by day and tenant as `(other)`.

    max_remembered: lines that are remembered over batches, beside those of the batch, as naming one is dearer than all
    else here. More cost no figure: they are named anew.
    """

    max_lines: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    max_remembered: Annotated[int, Meta(ge=1, le=10_000_000)] = 131_072


class Line(Struct, gc=False):
    """One line, remembered over batches. row: its name and amounts in the batch of that number; good from since on."""

    day: str
    tenant: str
    team: str
    app: str
    agent: str
    model: str
    row: list[Any]
    since: float
    until: float
    batch: int = -1


class Ledger:
    """The lines since the last `drain`. Nothing is lost at the bound: only the names are.

    The latest line of each agent is found at once, for agents keep to their model; others by their whole names. Both
    are bounded, and begin anew where there are too many.
    """

    def __init__(self, options: LedgerOptions) -> None:
        self._options = options
        self._latest: dict[str, Line] = {}
        self._lines: dict[_Key, Line] = {}
        self._most = options.max_remembered
        self._begun: list[Line] = []
        self._batch = 0
        self._day_from = self._day_until = 0.0
        self._day_name = ""
        self.merged = 0
        self.most = 0  # lines of the largest batch so far
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, spent: Iterable[Observation], looping: bool = False) -> None:
        """Add events. looping: they came after the onset of a warning that stands, so their cost is waste."""
        latest, batch = self._latest, self._batch
        for seen in spent:
            event, cost_nusd = seen.event, seen.cost_nusd
            line = latest.get(event.agent)
            if (
                line is None
                or line.model != event.model
                or line.app != event.app
                or line.tenant != event.tenant
                or line.team != event.team
                or not line.since <= event.ts < line.until
            ):
                line = self._find(event)
            if line.batch != batch:
                line = self._begin(line)
            row = line.row
            row[1] += 1
            tokens_in, tokens_out = event.input_tokens, event.output_tokens
            if (tokens_in or tokens_out) and event.op not in AGGREGATES:
                row[2] += tokens_in or 0
                row[3] += tokens_out or 0
            if cost_nusd is None:
                row[5] += 1
            elif cost_nusd:
                row[4] += cost_nusd
                if looping:
                    row[6] += cost_nusd

    def waste(self, event: Event, nusd: int) -> None:
        """Count as waste, after the fact, what was spent between a loop's onset and the warning at this event."""
        line = self._find(event)
        self._begin(line).row[6] += nusd

    @property
    def book(self) -> tuple[dict[str, Line], list[Line], int, int]:
        """What adds events up that are not told here: the latest lines, those of this batch, its number, the bound."""
        return self._latest, self._begun, self._batch, self._options.max_lines

    def drain(self) -> LedgerRow:
        """Give the lines and start anew."""
        begun, self._begun = self._begun, []
        self._batch += 1
        self.most = max(self.most, len(begun))
        rows, each = [line.row for line in begun], [line.day for line in begun]
        days = dict.fromkeys(each)
        if len(days) == 1:
            return LedgerRow({day: list(chain.from_iterable(rows)) for day in days})
        return LedgerRow({day: list(chain.from_iterable(compress(rows, map(day.__eq__, each)))) for day in days})

    def _find(self, event: Event) -> Line:
        """Give an event's line, whether it has begun in this batch or not."""
        if not self._day_from <= event.ts < self._day_until:
            self._turn_to(event.ts)
        key = (self._day_name, event.tenant, event.team, event.app, event.agent, event.model)
        line = self._latest[event.agent] = self._lines.get(key) or self._remember(key, self._day_from)
        return line

    def _begin(self, line: Line) -> Line:
        """Let a line have a row in this batch; gives the line that takes it in where there are too many."""
        if line.batch == self._batch:
            return line
        if len(self._begun) >= self._options.max_lines:
            self.merged += 1
            key = (line.day, line.tenant, OTHER, OTHER, OTHER, OTHER)
            line = self._lines.get(key) or self._remember(key, line.since)
            if line.batch == self._batch:
                return line
        line.row[1:] = _NOUGHT  # what it held was copied when it was drained
        line.batch = self._batch
        self._begun.append(line)
        return line

    def _remember(self, key: _Key, since: float) -> Line:
        if len(self._lines) >= self._most:
            # begin anew with the lines of this batch alone
            before = len(self._lines)
            self._lines = {key: line for key, line in self._lines.items() if line.batch == self._batch}
            self.forgotten += before - len(self._lines)
            self._most = len(self._lines) + self._options.max_remembered
            self._latest.clear()
        line = self._lines[key] = self._made(key, since)
        return line

    @staticmethod
    def _made(key: _Key, since: float) -> Line:
        day, tenant, team, app, agent, model = key
        name = line_name(tenant, team, app, agent, model)
        # names that many lines share are one string each: a line is near when another was just looked at
        day, tenant, team, app, model = map(intern, (day, tenant, team, app, model))
        return Line(day, tenant, team, app, agent, model, [name, *_NOUGHT], since, since + _DAY)

    def _turn_to(self, ts: float) -> None:
        day = int(min(ts, _LATEST)) // _DAY
        self._day_from, self._day_until = float(day * _DAY), float((day + 1) * _DAY)
        self._day_name = datetime.fromtimestamp(day * _DAY, UTC).strftime("%Y-%m-%d")

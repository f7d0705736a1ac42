"""Adds up a batch's usage into one line for each day, team, app, agent and model."""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta, Struct

from agentwatch.cost.prices import AGGREGATES
from agentwatch.records import Event, LedgerLine

__all__ = ["OTHER", "Ledger", "LedgerOptions"]

OTHER = "(other)"
_DAY = 86400
_Key = tuple[str, str, str, str, str, str]  # day, tenant, team, app, agent, model
_LATEST = 253_402_300_799.0  # the last second of the year 9999


class LedgerOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """max_lines: distinct lines in a batch; what comes after them is added up by day and tenant as `(other)`."""

    max_lines: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000


class _Sum(Struct, gc=False):
    events: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nusd: int = 0
    unpriced: int = 0
    looping_nusd: int = 0


class Ledger:
    """The lines since the last `drain`. Nothing is lost at the bound: only the names are."""

    def __init__(self, options: LedgerOptions) -> None:
        self._options = options
        self._sums: dict[_Key, _Sum] = {}
        self._day_from = self._day_until = 0.0
        self._day_name = ""
        self.merged = 0
        self.most = 0  # lines of the largest batch so far

    def add(self, event: Event, cost_nusd: int | None, looping: bool = False) -> None:
        """Add an event. looping: it came after the onset of a warning that stands, so its cost is waste."""
        line = self._line(event)
        line.events += 1
        if (event.input_tokens or event.output_tokens) and event.op not in AGGREGATES:
            line.input_tokens += event.input_tokens or 0
            line.output_tokens += event.output_tokens or 0
        if cost_nusd is None:
            line.unpriced += 1
        elif cost_nusd:
            line.cost_nusd += cost_nusd
            if looping:
                line.looping_nusd += cost_nusd

    def waste(self, event: Event, nusd: int) -> None:
        """Count as waste, after the fact, what was spent between a loop's onset and the warning at this event."""
        self._line(event).looping_nusd += nusd

    def drain(self) -> tuple[LedgerLine, ...]:
        """Give the lines and start anew."""
        self.most = max(self.most, len(self._sums))
        lines = tuple(
            LedgerLine(
                day=day,
                tenant=tenant,
                team=team,
                app=app,
                agent=agent,
                model=model,
                events=total.events,
                input_tokens=total.input_tokens,
                output_tokens=total.output_tokens,
                cost_nusd=total.cost_nusd,
                unpriced=total.unpriced,
                looping_nusd=total.looping_nusd,
            )
            for (day, tenant, team, app, agent, model), total in self._sums.items()
        )
        self._sums.clear()
        return lines

    def _line(self, event: Event) -> _Sum:
        if not self._day_from <= event.ts < self._day_until:
            self._turn_to(event.ts)
        key = (self._day_name, event.tenant, event.team, event.app, event.agent, event.model)
        line = self._sums.get(key)
        return self._begin(key) if line is None else line

    def _begin(self, key: _Key) -> _Sum:
        if len(self._sums) >= self._options.max_lines:
            self.merged += 1
            key = (key[0], key[1], OTHER, OTHER, OTHER, OTHER)
        return self._sums.setdefault(key, _Sum())

    def _turn_to(self, ts: float) -> None:
        day = int(min(ts, _LATEST)) // _DAY
        self._day_from, self._day_until = float(day * _DAY), float((day + 1) * _DAY)
        self._day_name = datetime.fromtimestamp(day * _DAY, UTC).strftime("%Y-%m-%d")

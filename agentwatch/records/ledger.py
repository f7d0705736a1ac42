"""What was used, as the ledgers keep it: lines by day, tenant, team, app, agent and model; of a batch one row."""

import re
from collections.abc import Iterable
from typing import Final, Literal
from urllib.parse import quote, unquote

from msgspec import Struct, field

__all__ = ["METRICS", "LedgerLine", "LedgerRow", "Metric", "line_name", "line_of"]

Metric = Literal["events", "input_tokens", "output_tokens", "cost_nusd", "unpriced", "looping_nusd"]
METRICS: Final[tuple[Metric, ...]] = (
    "events",
    "input_tokens",
    "output_tokens",
    "cost_nusd",
    "unpriced",
    "looping_nusd",
)
_SAFE = " ()@:,+"
_plain = re.compile(r"[\w.~ ()@:,+-]*(?:\|[\w.~ ()@:,+-]*){4}", re.ASCII).fullmatch


class LedgerLine(Struct, frozen=True, kw_only=True):
    """What one (day, team, app, agent, model) used: added up, never overwritten."""

    day: str
    tenant: str
    team: str
    app: str
    agent: str
    model: str
    events: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nusd: int = 0
    unpriced: int = 0
    looping_nusd: int = 0


class LedgerRow(Struct, frozen=True):
    """What a batch used, as it is stored: of each day the name and the amounts of one line after the other.

    A batch may have a thousand lines, so that none of them is an object of its own on its way.
    """

    days: dict[str, list[str | int]] = field(default_factory=dict)

    @classmethod
    def of(cls, lines: Iterable[LedgerLine]) -> "LedgerRow":
        """Put lines into a row, in their order."""
        days: dict[str, list[str | int]] = {}
        for line in lines:
            row = days.setdefault(line.day, [])
            row.append(line_name(line.tenant, line.team, line.app, line.agent, line.model))
            row += (getattr(line, metric) for metric in METRICS)
        return cls(days)

    def __bool__(self) -> bool:
        return bool(self.days)

    def amounts(self, metric: Metric) -> list[int]:
        """List what each line has of one metric."""
        first, width = 1 + METRICS.index(metric), 1 + len(METRICS)
        return [amount for row in self.days.values() for amount in row[first::width]]  # type: ignore[misc]  # no name

    def lines(self) -> tuple[LedgerLine, ...]:
        """Give the lines one by one, for whoever looks at them."""
        width = 1 + len(METRICS)
        return tuple(
            line_of(day, str(row[at]), dict(zip(METRICS, row[at + 1 : at + width], strict=True)))  # type: ignore[arg-type]  # no name
            for day, row in self.days.items()
            for at in range(0, len(row), width)
        )


def line_name(tenant: str, team: str, app: str, agent: str, model: str) -> str:
    """Name a line within its day: the parts, escaped and joined."""
    parts = (tenant, team, app, agent, model)
    name = "|".join(parts)
    return name if _plain(name) else "|".join(quote(part, safe=_SAFE) for part in parts)


def line_of(day: str, name: str, sums: dict[Metric, int]) -> LedgerLine:
    """Read a line back from its name and its metrics."""
    tenant, team, app, agent, model = (unquote(part) for part in name.split("|"))
    return LedgerLine(day=day, tenant=tenant, team=team, app=app, agent=agent, model=model, **sums)

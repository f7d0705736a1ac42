"""The report: a line for each scenario, and what is not as it should be."""

from collections.abc import Sequence

from tests.chaos.account import Account

__all__ = ["shown"]

_COLUMNS = {
    "scenario": "scenario", "injected": "injected", "events": "events in", "counted": "counted",
    "expected": "decisions expected", "found": "found", "held": "held as stale", "lost": "lost", "doubled": "doubled",
    "wrong": "wrongly issued", "guards": "guards misled", "seconds": "s",
}  # fmt: skip


def shown(accounts: Sequence[Account]) -> str:
    """Write the accounts as a Markdown table with sums, and below it every reason why one is not good."""
    rows = [[_cell(getattr(account, name)) for name in _COLUMNS] for account in accounts]
    rows.append([_cell(_sum(accounts, name)) for name in _COLUMNS])
    heads = list(_COLUMNS.values())
    widths = [max(len(row[at]) for row in (heads, *rows)) for at in range(len(heads))]
    lines = [_line(heads, widths), "|" + "|".join("-" * (width + 2) for width in widths) + "|"]
    lines += [_line(row, widths) for row in rows]
    lines += [f"{account.scenario}: {why}" for account in accounts for why in account.why]
    return "\n".join(lines)


def _sum(accounts: Sequence[Account], name: str) -> object:
    return "together" if name == "scenario" else sum(getattr(account, name) for account in accounts)


def _cell(value: object) -> str:
    return f"{value:.0f}" if isinstance(value, float) else str(value)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        f"{cell:<{width}}" if at == 0 else f"{cell:>{width}}"
        for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "| " + " | ".join(padded) + " |"

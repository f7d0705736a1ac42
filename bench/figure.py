"""One figure of the bench: what was measured, what it must be, and the table of all."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

__all__ = ["Figure", "table"]

Sense = Literal["most", "least"]
_SHOWN = {"x": "{:.2f}x", "ms": "{:.1f} ms", "s": "{:.2f} s", "%": "{:.2f} %", "MiB": "{:.0f} MiB", "B": "{:,.0f} B"}


class Figure(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """key: its name in floors and history, of letters and dots. what: its name in the table.

    goal is met at most, or at least, at its value; None: there is no goal. ratio: the figure says the same on another
    machine, so it is kept in the history. beside: the raw figures behind it.
    """

    key: str
    what: str
    value: float
    unit: str = ""
    goal: float | None = None
    sense: Sense = "most"
    ratio: bool = False
    beside: str = ""

    @property
    def met(self) -> bool | None:
        """Tell whether the goal is met; None where there is none."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.sense == "most" else self.value >= self.goal

    def shown(self, value: float) -> str:
        """Write a value in the figure's unit."""
        return _SHOWN.get(self.unit, "{:,.0f} " + self.unit).format(value).strip()


def table(figures: Sequence[Figure]) -> str:
    """Lay figures out as a table of Markdown that is also easy to read as it is."""
    rows = [("what", "measured", "goal", "met", "behind it")]
    for one in figures:
        goal = "" if one.goal is None else f"{'≤' if one.sense == 'most' else '≥'} {one.shown(one.goal)}"
        met = {None: "", True: "yes", False: "no"}[one.met]
        rows.append((one.what, one.shown(one.value), goal, met, one.beside))
    widths = [max(len(row[at]) for row in rows) for at in range(5)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])

"""How quantities read: money, ages, durations, levels. All pure."""

import re
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Final

import click

from agentwatch.records import Level

__all__ = ["DURATION", "NAME", "Number", "age", "count", "duration", "level", "moment", "money"]

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_COLOURS: Final = {
    Level.observe: "green",
    Level.warn: "yellow",
    Level.throttle: "dark_orange",
    Level.pause: "magenta",
    Level.kill: "red",
}


def money(nusd: int) -> str:
    """Write nano-dollars as dollars: two digits from ten cents on, four below."""
    dollars = nusd / 1e9
    return f"${dollars:,.2f}" if dollars >= 0.1 or nusd == 0 else f"${dollars:.4f}"


def duration(seconds: float) -> str:
    """Write a time span with its two greatest units: "3d 4h", "12m 5s"."""
    left = max(0, round(seconds))
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        whole, left = divmod(left, size)
        if whole:
            parts.append(f"{whole}{unit}")
        if len(parts) == 2:
            break
    return " ".join(parts) or "0s"


def age(at: float, now: float) -> str:
    """Write how long ago a time was; a dash for none."""
    return f"{duration(now - at)} ago" if at > 0 else "-"


def moment(at: float) -> str:
    """Write a time in UTC, to the second; a dash for none."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ") if at > 0 else "-"


def count(number: int) -> str:
    """Write a count with its thousands apart."""
    return f"{number:,}"


def level(value: Level) -> str:
    """Write a level in its colour."""
    return f"[{_COLOURS[value]}]{value.name}[/]"


class Number(click.FloatRange):
    """A number on the command line within a range; `nan` and `inf`, which no range refuses, are none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the text as a number."""
        found = super().convert(value, param, ctx)
        if not isfinite(found):
            self.fail(f"{value!r} is not a number", param, ctx)
        return float(found)


class _Name(click.ParamType[str]):
    """A name on the command line: an empty one, as of a script's variable that is not set, would name everything."""

    name = "text"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take the text as it is."""
        if not value:
            self.fail("is empty", param, ctx)
        return str(value)


class _Duration(click.ParamType[float]):
    """A time span on the command line: `90s`, `30m`, `4h`, `2d`, `1h30m`; a bare number is seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the text into seconds."""
        if isinstance(value, int | float):
            return float(value)
        text = str(value).strip().lower()
        if re.fullmatch(r"\d+(\.\d+)?", text):
            return float(text)
        if not re.fullmatch(r"(\d+(\.\d+)?[smhdw])+", text):
            self.fail(f"{value!r} is not a time span; write 90s, 30m, 4h, 2d", param, ctx)
        return sum(float(number) * _UNITS[unit] for number, _, unit in re.findall(r"(\d+(\.\d+)?)([smhdw])", text))


DURATION: Final = _Duration()
NAME: Final = _Name()

"""A floor under the figures: counts that were reached once and may not be given up again. It only rises.

Counts of runs and not rates, so that another number of labelled runs is noticed instead of compared.
"""

from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from agentwatch.errors import BadInput
from agentwatch.evaluate.report import Report

__all__ = ["Floor", "below", "decode_floor", "encode_floor", "raised"]

_HIGHER = ("found_warn", "found_intercode", "found_other", "found_kill")
_LOWER = ("early", "benign_warned", "benign_killed")


class Floor(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must be reached on a set of labelled runs: loops found at least, and wrong warnings at most.

    found_*: at warn, of all, of InterCode and of the rest; at kill of all. early: loops accused before
    their onset. delay_median: events from onset to warning, where any loop is found.
    """

    version: Literal[1] = 1
    loops: int
    benign: int
    found_warn: int
    found_intercode: int
    found_other: int
    found_kill: int
    early: int
    benign_warned: int
    benign_killed: int
    delay_median: float | None = None

    @classmethod
    def of(cls, report: Report) -> "Floor":
        """Take a report's figures."""
        sets = {name: report.groups.get(f"set:{name}", {}) for name in ("intercode", "other")}
        found = {name: scores["warn"].found if scores else 0 for name, scores in sets.items()}
        return cls(
            loops=report.warn.loops,
            benign=report.warn.benign,
            found_warn=report.warn.found,
            found_intercode=found["intercode"],
            found_other=found["other"],
            found_kill=report.kill.found,
            early=report.warn.early,
            benign_warned=report.benign_warned,
            benign_killed=report.benign_killed,
            delay_median=report.warn.delay_median,
        )


def below(report: Report, floor: Floor) -> list[str]:
    """Say in words what is worse than the floor; nothing where all is at least as good.

    Raises `BadInput` where the runs are not those that the floor was taken of.
    """
    now = _comparable(report, floor)
    worse = [
        f"{name} is {getattr(now, name)}, the floor is {getattr(floor, name)}"
        for name in _HIGHER
        if getattr(now, name) < getattr(floor, name)
    ]
    worse += [
        f"{name} is {getattr(now, name)}, the floor allows {getattr(floor, name)}"
        for name in _LOWER
        if getattr(now, name) > getattr(floor, name)
    ]
    if now.delay_median is not None and floor.delay_median is not None and now.delay_median > floor.delay_median:
        worse.append(f"delay_median is {now.delay_median:g}, the floor allows {floor.delay_median:g}")
    return worse


def raised(report: Report, floor: Floor | None) -> Floor:
    """Give the floor with each figure that is better now; none before: all of them."""
    if floor is None:
        return Floor.of(report)
    now = _comparable(report, floor)
    better = {name: max(getattr(now, name), getattr(floor, name)) for name in _HIGHER}
    fewer = {name: min(getattr(now, name), getattr(floor, name)) for name in _LOWER}
    delays = [one for one in (now.delay_median, floor.delay_median) if one is not None]
    if now.found_warn < floor.found_warn:  # sooner because the late ones are missed is not better
        delays = [one for one in (floor.delay_median,) if one is not None]
    return replace(floor, **better, **fewer, delay_median=min(delays, default=None))


def decode_floor(data: bytes, name: str) -> Floor:
    """Read a floor. Raises `BadInput` naming the file."""
    try:
        return msgspec.json.decode(data, type=Floor)
    except msgspec.MsgspecError as error:
        raise BadInput(f"is no floor: {error}", name) from error


def encode_floor(floor: Floor) -> bytes:
    """Write a floor for people to read, too."""
    return msgspec.json.format(msgspec.json.encode(floor), indent=1) + b"\n"


def _comparable(report: Report, floor: Floor) -> Floor:
    now = Floor.of(report)
    if (now.loops, now.benign) != (floor.loops, floor.benign):
        raise BadInput(
            f"was taken of {floor.loops} loops and {floor.benign} benign runs; here are {now.loops} and {now.benign}",
            "floor",
        )
    return now

"""The rows of the end-to-end drain: each in a process of its own, beside the bare drain of the same stream."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from bench.end_to_end import Row
from bench.figure import Figure

__all__ = ["GROWTH", "ROWS", "SHORT", "drains"]

_BASE = Row()
ROWS: dict[str, Row] = {
    # the goals are about texts of 300 B to 1 KB, in both forms, and about digests
    "300B": replace(_BASE, size=300),
    "1KB": _BASE,
    "4KB": replace(_BASE, size=4096, events=10_000),
    "32KB": replace(_BASE, size=32_768, events=2000),
    "digests": replace(_BASE, form="digests"),
    "300B.pure": replace(_BASE, size=300, pure=True),
    "1KB.pure": replace(_BASE, pure=True),
    "32KB.pure": replace(_BASE, size=32_768, events=2000, pure=True),
    # what the fleet is like, at 1 KB: how many share the work, and how many loop
    "1agent": replace(_BASE, agents=1, looping=0.0),
    "0looping": replace(_BASE, looping=0.0),
    "20looping": replace(_BASE, looping=0.2),
}
_FEW = replace(_BASE, events=10_000, depth=8)
GROWTH: dict[str, Row] = {"1k": _FEW, "100k": replace(_FEW, agents=100_000)}
_QUICK = replace(_BASE, events=4000, rounds=3)
SHORT: dict[str, Row] = {
    "1KB": _QUICK,
    "digests": replace(_QUICK, form="digests"),
    "1KB.pure": replace(_QUICK, pure=True),
}
_GOALS = {False: 4.0, True: 7.0}
_DIGESTS_GOAL = 2.5
_SPEED_GOAL = 0.25


def drained(row: Row) -> dict:
    """Measure a row in a process of its own: which form of fingerprints runs is settled at its start."""
    asked = [f"--{name}={value}" for name, value in msgspec.to_builtins(row).items() if not isinstance(value, bool)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AGENTWATCH_")}
    done = subprocess.run(
        [sys.executable, "-m", "bench.end_to_end", *asked, *(["--pure"] if row.pure else [])],
        stdout=subprocess.PIPE, check=True, env=environment,
    )  # fmt: skip
    found: dict = json.loads(done.stdout)
    return found


def drains(rows: dict[str, Row]) -> Iterator[tuple[Figure, dict]]:
    """Measure rows; gives the figures of each with the whole of what was found."""
    for key, row in rows.items():
        found = drained(row)
        what = f"{_size(row)}, {row.agents:,} agents, {row.looping:.0%} looping, {found['fingerprints']}"
        goal = _goal(row)
        costs, speeds = (found["cpu_us"], found["bare_cpu_us"]), (found["events_per_s"], found["bare_events_per_s"])
        yield Figure(
            key=f"drain.{key}.cpu", what=f"{what}: CPU over bare", value=found["cpu_ratio"], unit="x", goal=goal,
            ratio=True, beside=f"{costs[0]:.1f} of {costs[1]:.1f} µs",
        ), found  # fmt: skip
        yield Figure(
            key=f"drain.{key}.speed", what=f"{what}: events/s over bare", value=found["speed_ratio"], unit="x",
            goal=_SPEED_GOAL if goal == _GOALS[False] else None, sense="least", ratio=True,
            beside=f"{speeds[0]:,} of {speeds[1]:,} events/s",
        ), found  # fmt: skip


def growth(rows: dict[str, Row]) -> Iterator[tuple[Figure, dict]]:
    """Compare what an event costs among many agents with what it costs among few that are known as well."""
    few, many = (drained(row) for row in rows.values())
    names = [f"{row.agents:,}" for row in rows.values()]
    yield Figure(
        key="growth.cpu", what=f"an event among {names[1]} agents over one among {names[0]}",
        value=round(many["cpu_us"] / few["cpu_us"], 2), unit="x", goal=1.3, ratio=True,
        beside=f"{many['cpu_us']:.1f} and {few['cpu_us']:.1f} µs",
    ), {"few": few, "many": many}  # fmt: skip


def _goal(row: Row) -> float | None:
    if row.form == "digests":
        return _DIGESTS_GOAL
    return _GOALS[row.pure] if row.size <= 1024 else None


def _size(row: Row) -> str:
    if row.form == "digests":
        return "digests only"
    return f"{row.size // 1024} KB" if row.size >= 1024 else f"{row.size} B"

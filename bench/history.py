"""Holds ratios to a generous floor, and keeps those of each run: one line of JSON a run."""

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.figure import Figure

__all__ = ["append", "broken"]


def append(path: Path, machine: dict[str, object], figures: Sequence[Figure]) -> None:
    """Add a run's ratios; figures that depend on the machine are left out."""
    kept = {name: machine[name] for name in ("at", "commit", "python", "fingerprints", "cores", "load")}
    ratios = {one.key: one.value for one in figures if one.ratio}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**kept, "ratios": ratios}) + "\n")


def broken(path: Path, figures: Sequence[Figure]) -> list[str]:
    """Tell which ratios are worse than the floor by its factor. A figure that the floor lacks is told, too."""
    floor = msgspec.json.decode(path.read_bytes())
    factor, told = floor["factor"], []
    for one in figures:
        if not one.ratio:
            continue
        stands = floor["ratios"].get(one.key)
        if stands is None:
            told.append(f"{one.key}: not in {path.name}")
        elif one.sense == "most" and one.value > stands * factor:
            told.append(f"{one.key}: {one.value:.2f} is over {factor} x {stands:.2f}")
        elif one.sense == "least" and one.value < stands / factor:
            told.append(f"{one.key}: {one.value:.2f} is under {stands:.2f} / {factor}")
    return told

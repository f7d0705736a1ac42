"""`make bench`: measures what agentwatch promises of its speed, prints one table and writes JSON.

`python -m bench` measures everything, a quarter of an hour on two quiet cores; `--only drain growth` some of it;
`--short` a few ratios in under a minute, for CI: with `--floor FILE` it ends with 1 where one is worse than the floor
by more than its factor, and with `--history FILE` it appends them as a line. docs/performance.md explains the rows.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from agentwatch.logs import LogOptions
from agentwatch.observe import configure_logging
from bench.api_load import api_load
from bench.drains import GROWTH, ROWS, SHORT, drains, growth
from bench.figure import Figure, table
from bench.floods import flood
from bench.footprint import footprint
from bench.history import append, broken
from bench.latency import latency
from bench.machine import facts

RESULTS = Path(__file__).parent / "results"
PARTS = {
    "drain": lambda: drains(ROWS),
    "growth": lambda: growth(GROWTH),
    "latency": lambda: latency(samples=1000),
    "footprint": lambda: footprint(runs=100_000, idle_s=30.0),
    "flood": lambda: flood(seconds=25.0),
    "api": lambda: api_load(events=40_000),
}
SHORT_PARTS = {"drain": lambda: drains(SHORT)}


def figures_of(parts: dict, only: list[str]) -> Iterator[tuple[Figure, dict]]:
    for name, part in parts.items():
        if only and name not in only:
            continue
        for figure, found in part():
            print(f"{figure.what}: {figure.shown(figure.value)}", file=sys.stderr, flush=True)
            yield figure, found


def main() -> int:
    """Read the arguments, measure, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="a few ratios only")
    parser.add_argument("--only", nargs="*", default=[], choices=PARTS, help="parts to measure")
    parser.add_argument("--json", type=Path, help="file to write (default: bench/results/TIME.json)")
    parser.add_argument("--floor", type=Path, help="hold ratios to this file")
    parser.add_argument("--history", type=Path, help="append ratios to this file")
    asked = parser.parse_args()
    configure_logging(LogOptions(level="error"))
    machine = facts()
    found = list(figures_of(SHORT_PARTS if asked.short else PARTS, asked.only))
    figures = [figure for figure, _ in found]
    print(f"{machine['processor']}, {machine['cores']} cores, load {machine['load'][0]}, {machine['at']}, commit "
          f"{machine['commit']}\n\n{table(figures)}")  # fmt: skip
    path = asked.json or RESULTS / f"{str(machine['at']).replace(':', '')}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{**msgspec.to_builtins(figure), "met": figure.met, "found": whole} for figure, whole in found]
    path.write_text(json.dumps({"machine": machine, "after": facts()["load"], "figures": rows}, indent=1) + "\n")
    if asked.history:
        append(asked.history, machine, figures)
    worse = broken(asked.floor, figures) if asked.floor else []
    for one in worse:
        print(f"worse than the floor: {one}", file=sys.stderr)
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())

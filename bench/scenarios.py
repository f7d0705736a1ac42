"""How well the shipped rules tell loops from what only looks like them: every scenario, many seeds, three forms.

`python -m bench.scenarios` prints a line a scenario and ends with 1 where a figure is under the floor that is kept in
`bench/scenarios-floor.json`. The floor only rises: `--raise-floor` writes what is better than it. `--page` writes the
table into `docs/scenarios.md`.
"""

import argparse
import json
import multiprocessing
import resource
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from statistics import median

import msgspec

from agentwatch.config import Config
from agentwatch.rulebook import RuleBook
from agentwatch.service.composing import make_rulebook
from agentwatch.testing.scenarios import FORMS, SCENARIOS, scenario
from agentwatch.testing.scenarios.judging import Outcome, judge
from bench import scenarios_page

FLOOR = Path(__file__).with_name("scenarios-floor.json")
PROCESSES = 2
SLOW = ("document_hourly", "heartbeat_zombie", "fresh_run_each_retry", "queue_item_reselected")


@cache
def _rules() -> tuple[Config, RuleBook]:
    config = Config()
    return config, make_rulebook(config, {})


def _play(task: tuple[str, int, tuple[str, ...]]) -> list[Outcome]:
    name, seed, forms = task
    return judge(scenario(name), seed, forms, *_rules())


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _share(count: int, of: int) -> float:
    return round(100.0 * count / of, 1) if of else 0.0


def line(outcomes: list[Outcome]) -> dict[str, object]:
    """Sum the outcomes of one scenario in one form up."""
    one, count = outcomes[0], len(outcomes)
    accused = _share(sum(bool(each.strays) for each in outcomes), count)
    killed = _share(sum("kill" in each.strays for each in outcomes), count)
    kinds: dict[str, int] = defaultdict(int)
    for each in outcomes:
        for kind in each.kinds:
            kinds[kind] += 1
    base = {"name": one.name, "form": one.form, "loop": one.loop, "seeds": count}
    wrong = {"accused": accused, "accused_killed": killed, "wrong_kinds": dict(kinds)}
    if not one.loop:
        return {**base, **wrong}
    hits = [each.hits["warn"] for each in outcomes if "warn" in each.hits]
    by: dict[str, int] = defaultdict(int)
    for hit in hits:
        by[hit.kind] += 1
    return {
        **base,
        "warn": _share(len(hits), count),
        "pause": _share(sum("pause" in each.hits for each in outcomes), count),
        "kill": _share(sum("kill" in each.hits for each in outcomes), count),
        "early": _share(sum(each.early for each in outcomes), count),
        "delay_events": median(hit.delay_events for hit in hits) if hits else None,
        "delay_s": round(median(hit.delay_s for hit in hits), 1) if hits else None,
        "delay_runs": median(hit.delay_runs for hit in hits) if hits else None,
        "delay_runs_max": max((hit.delay_runs for hit in hits), default=None),
        "stop_runs_max": max(
            (each.hits["pause"].delay_runs for each in outcomes if "pause" in each.hits), default=None
        ),
        "found_by": dict(sorted(by.items(), key=lambda item: -item[1])),
        "missed": sorted(each.seed for each in outcomes if "warn" not in each.hits),
        **wrong,
    }


def table(lines: list[dict[str, object]], forms: tuple[str, ...]) -> str:
    """Lay the lines out, a scenario a row, loops before twins."""
    by = {(row["name"], row["form"]): row for row in lines}
    names = list(dict.fromkeys(row["name"] for row in lines))
    loops = [name for name in names if by[name, forms[0]]["loop"]]
    twins = [name for name in names if not by[name, forms[0]]["loop"]]
    head = f"{'':28}" + "".join(f"  {form:^19}" for form in forms)
    out = [head, f"{'loop':28}" + "  warn pause kill earl" * len(forms) + "  events   seconds  stray  found by"]
    for name in loops:
        cells = "".join(
            "  {warn:4.0f} {pause:5.0f} {kill:4.0f} {early:4.0f}".format(**by[name, form]) for form in forms
        )
        first = by[name, forms[0]]
        tail = f"  {_figure(first['delay_events']):>6}  {_figure(first['delay_s']):>8}  {first['accused']:5.1f}"
        out.append(f"{name:28}{cells}{tail}  {_kinds(first['found_by'])}")
    out.append(f"{'twin':28}" + "      warned killed  " * len(forms) + "  accused by")
    for name in twins:
        cells = "".join("      {accused:6.1f} {accused_killed:6.1f}  ".format(**by[name, form]) for form in forms)
        out.append(f"{name:28}{cells}  {_kinds(by[name, forms[0]]['wrong_kinds'])}")
    return "\n".join([*out, *summary(lines, forms)])


def summary(lines: list[dict[str, object]], forms: tuple[str, ...]) -> list[str]:
    """Sum each form up in a line."""
    told = [
        f"{row['name']} in {row['form']}: warned after {row['delay_runs']} runs (at most {row['delay_runs_max']}), "
        f"paused or killed in {row['pause']:.0f} % after at most {row['stop_runs_max']}"
        for row in lines
        if row["name"] in SLOW
    ]
    for form in forms:
        loops = [row for row in lines if row["form"] == form and row["loop"]]
        twins = [row for row in lines if row["form"] == form and not row["loop"]]
        good, fair = 85.0 if form == "digests" else 95.0, 2.0
        told.append(
            f"{form}: loops warned {_mean(loops, 'warn'):.1f} %, killed {_mean(loops, 'kill'):.1f} %, "
            f"early {_mean(loops, 'early'):.1f} %, {sum(row['warn'] >= good for row in loops)} of {len(loops)} shapes "
            f"at {good:.0f} % or more; twins warned {_mean(twins, 'accused'):.2f} %, "
            f"killed {_mean(twins, 'accused_killed'):.2f} %, "
            f"{sum(row['accused'] <= fair for row in twins)} of {len(twins)} at {fair:.0f} % or less; "
            f"strays {_mean(loops, 'accused'):.2f} %"
        )
    return told


def _mean(rows: list[dict[str, object]], key: str) -> float:
    return sum(row[key] for row in rows) / len(rows) if rows else 0.0


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}" if value >= 100 else f"{value:g}"


def _kinds(counts: dict[str, int]) -> str:
    return " ".join(f"{kind}:{count}" for kind, count in counts.items())


def under(lines: list[dict[str, object]], floor: dict[str, dict[str, float]]) -> list[str]:
    """List the figures that are worse than the floor by more than one seed; not one wrong kill more is allowed."""
    worse = []
    for row in lines:
        key = f"{row['name']}/{row['form']}"
        kept, slack = floor.get(key, {}), 100.0 / row["seeds"] + 0.1
        worse += [
            f"{key}: {what} {row[what]} is under the floor {kept[what]}"
            for what in ("warn", "kill")
            if what in kept and row[what] < kept[what] - slack
        ]
        worse += [
            f"{key}: {what} {row[what]} is over the floor {kept[what]}"
            for what in ("early", "accused", "accused_killed")
            if what in kept and row[what] > kept[what] + (0.0 if what == "accused_killed" else slack)
        ]
    return worse


def raised(lines: list[dict[str, object]], floor: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Give the floor with everything in it that has become better."""
    better = dict(floor)
    for row in lines:
        key = f"{row['name']}/{row['form']}"
        kept = dict(better.get(key, {}))
        for what, choose in (("warn", max), ("kill", max), ("early", min), ("accused", min), ("accused_killed", min)):
            if what in row:
                kept[what] = choose(kept.get(what, row[what]), row[what])
        better[key] = kept
    return dict(sorted(better.items()))


def measure(names: list[str], seeds: int, forms: tuple[str, ...]) -> tuple[list[dict[str, object]], int]:
    """Play the scenarios; gives a line for each scenario and form, and the number of events."""
    tasks = [(name, seed, forms) for seed in range(seeds) for name in names]
    found: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    events = 0
    with multiprocessing.Pool(PROCESSES) as pool:
        for outcomes in pool.imap_unordered(_play, tasks, chunksize=8):
            for one in outcomes:
                found[one.name, one.form].append(one)
                events += one.events
    return [line(found[name, form]) for name in names for form in forms], events


def main() -> int:
    """Run as a script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--forms", default=",".join(FORMS))
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="a scenario; may be repeated")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--raise-floor", action="store_true")
    parser.add_argument("--page", action="store_true", help="write the table into docs/scenarios.md")
    given = parser.parse_args()
    forms = tuple(given.forms.split(","))
    names = given.only or [one.name for one in SCENARIOS]
    started, spent = time.perf_counter(), _cpu_s()
    lines, events = measure(names, given.seeds, forms)
    seconds, spent = time.perf_counter() - started, _cpu_s() - spent
    kept = msgspec.json.decode(FLOOR.read_bytes()) if FLOOR.exists() else {"seeds": given.seeds, "floor": {}}
    if given.json:
        print(json.dumps({"seeds": given.seeds, "seconds": round(seconds, 1), "events": events, "lines": lines}))
    else:
        print(table(lines, forms))
        print(
            f"{given.seeds} seeds, {events} events in {seconds:.0f} s on {PROCESSES} processes ({spent:.0f} s of CPU)"
        )
    if given.page:
        today = datetime.now(UTC).date().isoformat()
        about = f"{given.seeds} seeds of each scenario in each form, {events:,} events, {today}."
        scenarios_page.put(lines, forms, summary(lines, forms), about)
    if given.seeds != kept["seeds"]:
        print(f"the floor holds for {kept['seeds']} seeds and was not checked", file=sys.stderr)
        return 0
    if given.raise_floor:
        better = {"seeds": given.seeds, "floor": raised(lines, kept["floor"])}
        FLOOR.write_text(json.dumps(better, indent=1) + "\n")
    worse = under(lines, kept["floor"])
    print("\n".join(worse), file=sys.stderr, end="\n" if worse else "")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())

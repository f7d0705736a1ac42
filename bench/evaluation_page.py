"""Writes the results in docs/evaluation.md anew from recorded runs: `python -m bench.evaluation_page DIR`.

DIR holds `events.jsonl.gz` and `labels.csv`. What stands between the page's two marks is replaced. With `--scenarios N`
the scenarios are replayed without each part, too, N seeds each; else their table stays as it was.
"""

import argparse
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from agentwatch.cli.replay import NumberedLines
from agentwatch.config import Config
from agentwatch.evaluate import Bootstrap, Moments, Report, evaluate, read_labels, to_markdown
from agentwatch.evaluate.ablation import Ablation, Worth, ablate
from agentwatch.evaluate.leaving import LeftOut, leave_out, leaving_tables
from agentwatch.evaluate.recording import record
from agentwatch.evaluate.report import LEVELS
from agentwatch.evaluate.scoring import Score
from agentwatch.evaluate.tables import Table
from agentwatch.evaluate.trials import Material, Trials
from agentwatch.service.composing import make_rulebook
from bench.ablation import replayed

PAGE = Path(__file__).parent.parent / "docs" / "evaluation.md"
LEFT_OUT = ("all", "intercode-*")


def marked(page: str, name: str, text: str) -> str:
    """Replace what stands between two marks of a page."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    page, count = pattern.subn(lambda found: f"{found[1]}{text}\n{found[2]}", page)
    if count != 1:
        raise SystemExit(f"{PAGE}: no marks <!-- {name} -->")
    return page


def between(one: Score, name: str) -> str:
    """Put a rate with its interval, as per cent; a dash where it is a share of nothing."""
    if name == "precision" and not one.found + one.false_alarms:
        return "-"
    value = getattr(one, name)
    low, high = one.between.get(name, (None, None))
    return f"{value:.1%}" + (f" ({low:.1%} to {high:.1%})" if low is not None and high is not None else "")


def levels(report: Report) -> Table:
    """All runs, InterCode and the rest, at each level."""
    rows = []
    names = {"all": {level.name: report.at(level.name) for level in LEVELS}}
    names |= {name.removeprefix("set:"): report.groups[name] for name in ("set:intercode", "set:other")}
    for name, scores in names.items():
        for level in LEVELS:
            one = scores[level.name]
            accused = one.false_alarms - one.early
            delay = "-" if one.delay_median is None else f"{one.delay_median:g}, {one.delay_p90:g}"
            rows.append((
                name, level.name, f"{one.found} of {one.loops}", between(one, "recall"), between(one, "precision"),
                between(one, "f1"), f"{accused} of {one.benign}", between(one, "false_alarm_rate"),
                str(one.early), delay,
            ))  # fmt: skip
    head = (
        "runs",
        "at",
        "found",
        "recall",
        "precision",
        "F1",
        "benign accused",
        "rate",
        "early",
        "delay: median, 9 of 10",
    )
    return Table("At each level", head, tuple(rows))


def groups(report: Report, kind: str, title: str) -> Table:
    """Each group of a kind at warn, and what of it reaches a kill."""
    rows = []
    for name, scores in report.groups.items():
        if name.startswith(f"{kind}:"):
            one, kill = scores["warn"], scores.get("kill", Score())
            found = f"{one.found} of {one.loops}" if one.loops else "-"
            recall = between(one, "recall") if one.loops else "-"
            accused = f"{one.false_alarms - one.early} of {one.benign}" if one.benign else "-"
            delay = "-" if one.delay_median is None else f"{one.delay_median:g}"
            rows.append((name.partition(":")[2], found, recall, accused, str(one.early), delay, str(kill.found)))
    return Table(title, (kind, "found", "recall", "benign warned", "early", "delay", "killed"), tuple(rows))


def wrong(report: Report) -> Iterable[Table]:
    """Each run that was judged wrongly at warn, with why."""
    alarms = [miss for miss in report.wrong if miss.at == "warn" and miss.what != "missed"]
    missed = [miss for miss in report.wrong if miss.at == "warn" and miss.what == "missed"]
    yield Table(
        f"Missed: {len(missed)}",
        ("run", "onset", "what its label says", "why it was missed"),
        tuple((one.run, str(one.onset), one.reason, one.why) for one in missed),
    )
    yield Table(
        f"Accused wrongly or too early: {len(alarms)}",
        ("run", "at", "onset", "detector", "what it said", "what spoke against"),
        tuple(
            (one.run, str(one.position), str(one.onset) if one.onset >= 0 else "benign", one.kind, one.reason, one.why)
            for one in alarms
        ),
    )


def worth(ablation: Ablation) -> Table:
    """What changes without each part; those without which nothing does are named below."""
    telling = [part for part in ablation.parts if _tells(part, ablation)]
    idle = [part.name for part in ablation.parts if part not in telling]
    rows = [
        (
            part.name, part.what, part.words, str(len(part.lost)), str(len(part.gained)),
            str(part.warn.false_alarms - part.warn.early), str(len(part.accused)), str(len(part.spared)),
            f"{ablation.kill_found} → {part.kill_found}",
        )
        for part in telling
    ]  # fmt: skip
    head = ("without", "is", "what it is", "loops lost", "gained", "benign warned", "newly accused", "spared", "kills")
    note = f"Without any one of these nothing changes on the recorded runs: {', '.join(idle)}."
    return Table("Recorded runs without each part", head, tuple(rows), (note,))


def _tells(part: Worth, ablation: Ablation) -> bool:
    changed = part.lost or part.gained or part.accused or part.spared
    return bool(changed) or part.kill_found != ablation.kill_found


def scenarios(rows: Iterable[Mapping[str, object]], loops: int, twins: int) -> Table:
    """The same of the scenarios."""
    listed = list(rows)
    base = listed[0]
    same = ("found", "killed", "lost", "accused", "newly", "wrongly killed")
    telling = [row for row in listed[1:] if any(row[name] != base[name] for name in same)]
    idle = [str(row["without"]) for row in listed[1:] if row not in telling]
    cells = tuple(tuple(str(cell) for cell in row.values()) for row in [base, *telling])
    notes = (f"Without any one of these nothing changes: {', '.join(idle)}.",) if idle else ()
    return Table(f"Scenarios without each part: {loops} loops, {twins} look-alikes", tuple(base), cells, notes)


def measured(traces: Path) -> tuple[Report, Ablation, LeftOut]:
    """Replay the recorded runs in every way."""
    config = Config()
    lines = list(NumberedLines([str(traces / "events.jsonl.gz")]))
    with (traces / "labels.csv").open(newline="", encoding="utf-8") as table:
        labels = read_labels(table)
    got = record(config, make_rulebook(config, {}), lines, probe=True)
    moments = Moments.given(got.placed, got.moments)
    report = evaluate(got.changes, got.placed, labels, moments=moments, heard=got.heard, bootstrap=Bootstrap())
    with Trials(Material(config, {}, lines)) as trials:
        left = leave_out(trials, got.placed, labels, got.heard, LEFT_OUT, Bootstrap())
        return report, ablate(trials, got.placed, labels), left


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traces", type=Path)
    parser.add_argument("--scenarios", type=int, default=0, metavar="SEEDS")
    asked = parser.parse_args()
    report, ablation, left = measured(asked.traces)
    tables = [
        levels(report),
        groups(report, "source", "By source, at warn"),
        groups(report, "shape", "By shape of the loop, at warn"),
        groups(report, "detector", "By the detector that was first to say it, at warn"),
        *wrong(report),
        *leaving_tables(left),
        worth(ablation),
    ]
    page = marked(PAGE.read_text("utf-8"), "recorded", to_markdown(tables))
    if asked.scenarios:
        page = marked(page, "scenarios", to_markdown([scenarios(*replayed(asked.scenarios))]))
    PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()

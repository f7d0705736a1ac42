"""`eval`: how good the verdicts are, measured against labels."""

from pathlib import Path
from typing import Any, Literal

import click
from msgspec import Struct

from agentwatch.cli.failure import FINE, FOUND
from agentwatch.cli.output import write_line
from agentwatch.cli.replay import NumberedLines, config_option, policy_option, rules_of, tell_rest, teller
from agentwatch.errors import BadInput
from agentwatch.evaluate import Bootstrap, Label, Moments, Report, evaluate, read_labels
from agentwatch.evaluate.ablation import Ablation, ablate, ablation_table
from agentwatch.evaluate.floor import below, decode_floor, encode_floor, raised
from agentwatch.evaluate.leaving import LeftOut, leave_out, leaving_tables
from agentwatch.evaluate.recording import record
from agentwatch.evaluate.tables import Table, report_tables, to_markdown, to_text
from agentwatch.evaluate.trials import Material, Trials

__all__ = ["eval_command"]

Form = Literal["human", "json", "markdown"]


class Chosen(Struct, frozen=True):
    """How the report is shown, what it is held against, and what is replayed besides."""

    form: Form
    floor: Path | None
    raise_floor: bool
    bootstrap: Bootstrap | None
    ablate: bool
    leave_out: tuple[str, ...]


class Found(Struct):
    """What there is to tell."""

    report: Report
    below_floor: list[str] | None = None
    ablation: Ablation | None = None
    left_out: LeftOut | None = None


@click.command("eval")
@click.argument("events", metavar="EVENTS")
@click.argument("labels", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@policy_option
@config_option
@click.option(
    "--ablate", is_flag=True, help="What each detector and each piece of evidence is worth: replays without it."
)
@click.option(
    "--leave-out",
    multiple=True,
    metavar="SOURCE",
    help="Fit thresholds on the other sources and score them on this one; a glob is one group, `all` is each in turn.",
)
@click.option("--bootstrap", default=1000, show_default=True, type=click.IntRange(0, 100_000), help="Redrawn samples.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the redrawing.")
@click.option(
    "--floor",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Figures that must be reached: exit code 1 where one is worse.",
)
@click.option("--raise-floor", is_flag=True, help="Write what is better than --floor into it; it never sinks.")
@click.option("--json", "as_json", is_flag=True, help="The scores as one JSON object.")
@click.option("--markdown", "as_markdown", is_flag=True, help="The scores as Markdown.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["human", "json", "markdown"]),
    default="human",
    show_default=True,
    help="How to show the scores.",
)
def eval_command(
    events: str,
    labels: Path,
    policy_files: tuple[Path, ...],
    config_file: Path | None,
    ablate: bool,
    leave_out: tuple[str, ...],
    bootstrap: int,
    seed: int,
    floor: Path | None,
    raise_floor: bool,
    as_json: bool,
    as_markdown: bool,
    output: Form,
) -> int:
    """Score a replay of EVENTS (.jsonl, .jsonl.gz or -) against LABELS.

    LABELS is a CSV table: run, source, label (loop or benign), onset (0-based, in its run), shape, reason. A loop is
    found by the first rise at or after its onset less one; an earlier rise is a false alarm on it. Rates come with the
    interval in which 95 of 100 redrawn samples of the runs lie. docs/evaluation.md explains every figure.
    """
    if raise_floor and floor is None:
        raise BadInput("there is no file to write to: name one with --floor", "--raise-floor")
    form: Form = "json" if as_json else "markdown" if as_markdown else output
    redrawn = Bootstrap(samples=bootstrap, seed=seed) if bootstrap else None
    chosen = Chosen(form, floor, raise_floor, redrawn, ablate, leave_out)
    found = _measure(events, _read_truth(labels), config_file, policy_files, chosen)
    _show(found, form)
    return FOUND if found.below_floor else FINE


def _measure(
    events: str, truth: list[Label], config_file: Path | None, policy_files: tuple[Path, ...], chosen: Chosen
) -> Found:
    config, rulebook = rules_of(config_file, policy_files)
    lines: NumberedLines | list[tuple[int, bytes]]
    numbered = lines = NumberedLines([events])
    if chosen.ablate or chosen.leave_out:
        lines = list(numbered)
    recording = record(config, rulebook, lines, probe=True, tell=teller(numbered))
    tell_rest(recording.summary)
    report = evaluate(
        recording.changes,
        recording.placed,
        truth,
        moments=Moments.given(recording.placed, recording.moments),
        heard=recording.heard,
        bootstrap=chosen.bootstrap,
    )
    found = Found(report, _held_against(report, chosen))
    if isinstance(lines, list):
        files = {str(path): path.read_bytes() for path in policy_files}
        with Trials(Material(config, files, lines)) as trials:
            if chosen.ablate:
                found.ablation = ablate(trials, recording.placed, truth)
            if chosen.leave_out:
                found.left_out = leave_out(
                    trials, recording.placed, truth, recording.heard, chosen.leave_out, chosen.bootstrap
                )
    return found


def _read_truth(path: Path) -> list[Label]:
    try:
        with path.open(newline="", encoding="utf-8") as table:
            return read_labels(table, str(path))
    except UnicodeDecodeError as error:
        raise BadInput(f"is no CSV table in UTF-8: {error}", str(path)) from error


def _show(found: Found, form: Form) -> None:
    if form == "json":
        whole: dict[str, Any] = found.report.to_dict()
        for name in ("below_floor", "ablation", "left_out"):
            if getattr(found, name) is not None:
                whole[name] = getattr(found, name)
        write_line(whole)
        return
    tables = report_tables(found.report)
    if found.ablation is not None:
        tables.append(ablation_table(found.ablation))
    if found.left_out is not None:
        tables += leaving_tables(found.left_out)
    if found.below_floor is not None:
        tables.append(Table("Against the floor", notes=tuple(found.below_floor) or ("nothing is worse",)))
    click.echo(to_markdown(tables) if form == "markdown" else to_text(tables))


def _held_against(report: Report, chosen: Chosen) -> list[str] | None:
    """Compare with the floor, and raise it where that is asked for; None without one."""
    path = chosen.floor
    if path is None:
        return None
    exists = path.exists()
    if not exists and not chosen.raise_floor:
        raise BadInput("there is no such file; --raise-floor makes one", str(path))
    floor = decode_floor(path.read_bytes(), str(path)) if exists else None
    worse = below(report, floor) if floor is not None else []
    if chosen.raise_floor:
        path.write_bytes(encode_floor(raised(report, floor)))
    return worse

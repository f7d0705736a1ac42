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
from agentwatch.evaluate.floor import below, decode_floor, encode_floor, raised
from agentwatch.evaluate.recording import record
from agentwatch.evaluate.tables import Table, report_tables, to_markdown, to_text

__all__ = ["eval_command"]

Form = Literal["human", "json", "markdown"]


class Chosen(Struct, frozen=True):
    """How the report is shown, and what it is held against."""

    form: Form
    floor: Path | None
    raise_floor: bool


@click.command("eval")
@click.argument("events", metavar="EVENTS")
@click.argument("labels", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@policy_option
@config_option
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
    truth = _read_truth(labels)
    config, rulebook = rules_of(config_file, policy_files)
    lines = NumberedLines([events])
    recording = record(config, rulebook, lines, probe=True, tell=teller(lines))
    tell_rest(recording.summary)
    report = evaluate(
        recording.changes,
        recording.placed,
        truth,
        moments=Moments.given(recording.placed, recording.moments),
        heard=recording.heard,
        bootstrap=Bootstrap(samples=bootstrap, seed=seed) if bootstrap else None,
    )
    return _show(report, Chosen(form, floor, raise_floor))


def _read_truth(path: Path) -> list[Label]:
    try:
        with path.open(newline="", encoding="utf-8") as table:
            return read_labels(table, str(path))
    except UnicodeDecodeError as error:
        raise BadInput(f"is no CSV table in UTF-8: {error}", str(path)) from error


def _show(report: Report, chosen: Chosen) -> int:
    worse = _held_against(report, chosen)
    tables = report_tables(report)
    if worse is not None:
        tables.append(Table("Against the floor", notes=tuple(worse) or ("nothing is worse",)))
    if chosen.form == "json":
        whole: dict[str, Any] = report.to_dict()
        if worse is not None:
            whole["below_floor"] = worse
        write_line(whole)
    else:
        click.echo(to_markdown(tables) if chosen.form == "markdown" else to_text(tables))
    return FOUND if worse else FINE


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

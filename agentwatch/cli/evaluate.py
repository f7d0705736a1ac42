"""`eval`: how good the verdicts are, measured against labels."""

import csv
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from agentwatch.cli.failure import FINE
from agentwatch.cli.output import Format, output_option, write_line
from agentwatch.cli.replay import NumberedLines, config_option, policy_option, replay_of
from agentwatch.errors import BadInput
from agentwatch.evaluate import evaluate, labels_from_rows, place, render
from agentwatch.service.replaying import change_line

__all__ = ["eval_command"]


class _Run(Struct, frozen=True):
    """The part of an event that tells its run; an event that names none is a run named as its agent."""

    agent: str = ""
    run: str = ""


@click.command("eval")
@click.argument("events", metavar="EVENTS")
@click.argument("labels", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@policy_option
@config_option
@click.option("--json", "as_json", is_flag=True, help="The scores as one JSON object.")
@output_option
def eval_command(
    events: str,
    labels: Path,
    policy_files: tuple[Path, ...],
    config_file: Path | None,
    as_json: bool,
    output: Format,
) -> int:
    """Score a replay of EVENTS (.jsonl, .jsonl.gz or -) against LABELS.

    LABELS is a CSV table: run, source, label (loop or benign), onset (0-based, in its run), shape, reason. A loop is
    found by the first rise at or after its onset less one; an earlier rise is a false alarm on it.
    """
    try:
        with labels.open(newline="", encoding="utf-8") as table:
            truth = labels_from_rows(csv.DictReader(table))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"is no CSV table in UTF-8: {error}", str(labels)) from error
    replay = replay_of(config_file, policy_files)
    runs: list[str] = []
    changes = [change_line(decision) for decision in replay.changes(_noting(NumberedLines([events]), runs))]
    report = evaluate(changes, place(runs), truth)
    if as_json or output == "json":
        write_line(report)
    else:
        click.echo(render(report))
    return FINE


def _noting(lines: NumberedLines, runs: list[str]) -> Iterator[tuple[int, bytes]]:
    """Pass lines on, and note the run that each belongs to; a line that cannot be read belongs to none."""
    for number, raw in lines:
        try:
            found = msgspec.json.decode(raw, type=_Run)
            runs.append(found.run or found.agent)
        except (msgspec.DecodeError, UnicodeDecodeError):
            runs.append("")
        yield number, raw

"""`replay`: what the daemon would have decided over recorded events."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import Struct, to_builtins

from agentwatch.cli.failure import BAD_INPUT, FINE, FOUND
from agentwatch.cli.output import Format, console, output_option, write_line
from agentwatch.cli.printable import escape, warn
from agentwatch.cli.wording import count, level
from agentwatch.config import Config, read_config
from agentwatch.counting import counted
from agentwatch.ingest.trace import read_trace
from agentwatch.records import Decision
from agentwatch.rulebook import RuleBook
from agentwatch.service.composing import make_rulebook
from agentwatch.service.replaying import Malformed, Replay, Summary, change_line

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["NumberedLines", "config_option", "policy_option", "replay_command", "rules_of", "tell_rest", "teller"]

_TOLD = 1000

policy_option = click.option(
    "-p",
    "--policy",
    "policy_files",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Rules to decide by, instead of the shipped ones; can be given more than once.",
)
config_option = click.option(
    "-c",
    "--config",
    "config_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=None,
    help="Options of detectors, ladder and gate. The environment does not count here: a replay can be repeated.",
)


class Place(Struct, frozen=True):
    """Where a line is: 1-based, in its file."""

    file: str
    line: int


class NumberedLines:
    """The lines of several files, numbered through; `place` gives a number's file and line back."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths
        self._starts: list[tuple[int, str]] = []

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        start = last = 0
        for path in self._paths:
            self._starts.append((start, "standard input" if path == "-" else path))
            for line, raw in read_trace([path]):
                last = start + line
                yield last, raw
            start = last

    def place(self, number: int) -> Place:
        """Tell where the line with this number is."""
        start, file = next((start, file) for start, file in reversed(self._starts) if start < number)
        return Place(file, number - start)


def rules_of(config_file: Path | None, policy_files: Sequence[Path]) -> tuple[Config, RuleBook]:
    """Read the given configuration and rules; none given: the shipped ones."""
    config = read_config(config_file, {}) if config_file is not None else Config()
    return config, make_rulebook(config, {str(path): path.read_bytes() for path in policy_files})


def teller(lines: NumberedLines) -> Callable[[Malformed], None]:
    """Make what names a line that is no usage event on the standard error, as soon as it is met."""

    def tell(bad: Malformed) -> None:
        at = lines.place(bad.line)
        warn(f"{at.file}:{at.line}: {bad.field}: {bad.reason}")

    return tell


def tell_rest(replay_summary: Summary) -> None:
    """Tell how many such lines were not named."""
    if replay_summary.malformed > _TOLD:
        more = counted(
            replay_summary.malformed - _TOLD, "more line is no usage event", "more lines are no usage events"
        )
        click.echo(f"… and {more}", err=True)


@click.command("replay")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@policy_option
@config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each change of a level.")
@click.option("--strict", is_flag=True, help="Exit code 2 when a line is no usage event.")
@output_option
def replay_command(
    files: tuple[str, ...],
    policy_files: tuple[Path, ...],
    config_file: Path | None,
    as_json: bool,
    strict: bool,
    output: Format,
) -> int:
    """Decide over recorded events, exactly as the daemon would.

    FILE is .jsonl, .jsonl.gz, or - for standard input: usage events, one a line, taken in order with their own times.
    Levels are what the ladder reached before the gate. Exit code 1 when anything reached warn.
    """
    lines = NumberedLines(files)
    replay = Replay(*rules_of(config_file, policy_files), max_malformed=_TOLD, tell=teller(lines))
    out = None if as_json or output == "json" else console()
    for decision in replay.changes(lines):
        if out is None:
            write_line(change_line(decision))
        else:
            _print_change(out, decision)
    summary = replay.summary
    tell_rest(summary)
    if out is None:
        write_line({"summary": to_builtins(summary)})
    else:
        _print_summary(out, replay)
    if strict and summary.malformed:
        return BAD_INPUT
    return FOUND if summary.warned else FINE


def _print_change(out: "Console", d: Decision) -> None:
    arrow = "▲" if d.change == "up" else "▼"
    held = f" [dim](held back by {d.gate})[/]" if d.gate else ""
    out.print(
        f"{d.index:>7}  {arrow} {level(d.level)}  [bold]{escape(d.subject)}[/]  {d.kind}: {escape(d.reason)}{held}"
    )


def _print_summary(out: "Console", replay: Replay) -> None:
    s = replay.summary
    rate = f", {s.events / s.seconds:,.0f}/s" if s.seconds else ""
    unpriced = f", {counted(s.unpriced, 'event')} unpriced" if s.unpriced else ""
    bad = f", {counted(s.malformed, 'line is no usage event', 'lines are no usage events')}" if s.malformed else ""
    out.print(
        f"{counted(s.events, 'event')} of {counted(s.runs, 'run')} in {s.seconds:.2f} s{rate}; "
        f"{counted(s.warned, 'subject')} warned, {count(s.killed)} killed; ${s.cost_usd:,.2f}{unpriced}{bad}"
    )

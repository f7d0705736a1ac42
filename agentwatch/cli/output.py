"""How answers are shown: words and tables for people, JSON for scripts. The same data either way."""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click
import msgspec

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Format", "console", "output_option", "rows", "show", "write_line"]

Format = Literal["human", "json"]
F = TypeVar("F", bound=Callable[..., Any])

_PIPE_WIDTH = 200  # nobody looks at a pipe: rather a long line than a cut word


def output_option(function: F) -> F:
    """Add `-o human|json` to a command; it gets the choice as `output`."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["human", "json"]),
        default="human",
        show_default=True,
        help="How to show the answer.",
    )(function)


def console() -> "Console":
    """Make the console that people read; it tells a terminal from a pipe, and honours NO_COLOR."""
    from agentwatch.cli.paper import Paper

    terminal = sys.stdout.isatty()
    return Paper(width=None if terminal else _PIPE_WIDTH, highlight=False, soft_wrap=not terminal)


def write_line(value: Any) -> None:
    """Write one JSON object as one line, at once: a reader at the other end of the pipe sees it as it happens."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def show(value: Any, output: Format, human: Callable[["Console"], None]) -> None:
    """Show one answer: as JSON, indented, or by what `human` prints."""
    if output == "json":
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
        return
    human(console())


def rows(
    out: "Console", columns: Sequence[str], lines: Iterable[Sequence[str]], empty: str, right: Sequence[str] = ()
) -> None:
    """Print a table, or the words for an empty one. `right` names the columns of numbers."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for line in lines:
        table.add_row(*line)
    if table.row_count == 0:
        out.print(empty)
        return
    out.print(table)

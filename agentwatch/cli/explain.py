"""`explain`: why a subject is where it is, and what would have to change."""

from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape

from agentwatch.cli.daemon import Daemon, DaemonAddress, daemon_options
from agentwatch.cli.findings import print_cohort, print_decisions, print_grounds, print_signals, print_steps
from agentwatch.cli.output import Format, output_option, show
from agentwatch.cli.subjects import named_subject, subject_options
from agentwatch.cli.wording import level
from agentwatch.views import Explanation

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["explain_command"]


@click.command("explain")
@subject_options
@daemon_options
@output_option
def explain_command(daemon: DaemonAddress, output: Format, **named: Any) -> int:
    """Say why a subject is where it is: signals, steps, what speaks for and against, decisions, and the gate."""
    with Daemon(daemon) as asked:
        found = asked.get("/v1/explain", Explanation, subject=named_subject(**named))
    show(found, output, lambda out: _print(out, found))
    return 0


def _print(out: "Console", found: Explanation) -> None:
    out.print(f"[bold]{escape(found.subject)}[/] is at {level(found.level)}")
    for words in found.words:
        out.print(escape(words))
    if found.allowed_by:
        out.print(f"[green]not touched[/]: the allow list has {escape(found.allowed_by)}")
    print_grounds(out, found.speaks_for, found.speaks_against)
    print_cohort(out, found.cohort)
    if found.signals:
        out.print("\n[bold]signals[/]")
        print_signals(out, found.signals)
    if found.decisions:
        out.print("\n[bold]decisions[/]")
        print_decisions(out, found.decisions)
    if found.steps:
        out.print("\n[bold]last steps[/] (equal digests are equal content)")
        print_steps(out, found.steps)

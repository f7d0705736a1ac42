"""`mode`: whether decisions are enforced or only observed."""

from typing import TYPE_CHECKING

import click

from agentwatch.cli.daemon import Daemon, DaemonAddress, daemon_options
from agentwatch.cli.failure import FINE
from agentwatch.cli.fleet import agents_of
from agentwatch.cli.operator import operator_options, show_accepted
from agentwatch.cli.output import Format, output_option, show
from agentwatch.cli.printable import escape
from agentwatch.cli.prospect import confirm, yes_option
from agentwatch.counting import counted
from agentwatch.ports import Accepted
from agentwatch.records import Level
from agentwatch.views import ModeView

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["mode_command"]


@click.group("mode")
def mode_command() -> None:
    """Show or set the mode: observe or enforce, globally or for a rule."""


@mode_command.command("show")
@daemon_options
@output_option
def mode_show(daemon: DaemonAddress, output: Format) -> int:
    """Show the global mode, and the rules that have their own."""
    with Daemon(daemon) as asked:
        found = asked.get("/v1/mode", ModeView)

    def human(out: "Console") -> None:
        out.print(f"[bold]{found.mode}[/]")
        for rule, mode in sorted(found.rules.items()):
            out.print(f"  rule {escape(rule)}: {mode}")

    show(found, output, human)
    return FINE


@mode_command.command("set")
@click.argument("mode", type=click.Choice(["observe", "enforce"]))
@click.option("--rule", default=None, metavar="NAME", help="Only for this rule.")
@operator_options
@yes_option
@daemon_options
@output_option
def mode_set(
    daemon: DaemonAddress, mode: str, rule: str | None, reason: str, author: str, yes: bool, output: Format
) -> int:
    """Set the mode. In observe everything is decided, shown and alerted, and nobody is touched."""
    body = {"mode": mode, "rule": rule or "", "author": author, "reason": reason}
    with Daemon(daemon) as asked:
        if mode == "enforce":
            looping = [agent for agent in agents_of(asked) if agent.level > Level.warn]
            told = f"{counted(len(looping), 'agent is', 'agents are')} beyond warn now and would be acted on"
            click.echo(f"{told}:" if looping else told, err=True)
            for agent in looping[:20]:
                click.echo(f"  {agent.subject} ({agent.level.name})", err=True)
            confirm("enforce?", yes)
        return show_accepted(asked.send("PUT", "/v1/mode", Accepted, body), output, f"mode {mode}")

"""`incidents`: what on-call was told of, open and of late."""

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from agentwatch.cli.daemon import Daemon, DaemonAddress, daemon_options
from agentwatch.cli.failure import FINE
from agentwatch.cli.findings import print_evidence, print_grounds
from agentwatch.cli.output import Format, output_option, rows, show
from agentwatch.cli.printable import escape
from agentwatch.cli.wording import level, moment, money
from agentwatch.counting import counted
from agentwatch.records import Incident
from agentwatch.views import IncidentPage

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["incidents_command"]

_PAGE = 1000


@click.group("incidents")
def incidents_command() -> None:
    """List or show incidents: what on-call was told of."""


@incidents_command.command("list")
@click.option("--tenant", default=None, metavar="NAME", help="Only this tenant's.")
@click.option("--app", default=None, metavar="NAME", help="Only this app's.")
@click.option("--state", type=click.Choice(["open", "resolved"]), default=None, help="Only those in this state.")
@click.option("--before", default=None, metavar="ID", help="Continue after a page: what its `next` said.")
@click.option("--limit", type=click.IntRange(1, _PAGE), default=50, show_default=True, help="At most so many.")
@daemon_options
@output_option
def incidents_list(daemon: DaemonAddress, output: Format, **wanted: Any) -> int:
    """List incidents, latest opened first; those that are over are known for a day."""
    with Daemon(daemon) as asked:
        page = asked.get("/v1/incidents", IncidentPage, **wanted)

    def human(out: "Console") -> None:
        rows(
            out,
            ["id", "opened", "state", "agent", "subject", "level", "held back by", "worked", "cost", "reason"],
            [_line(one) for one in page.incidents],
            "no incidents",
            right=("cost",),
        )
        if page.next:
            out.print(f"more: --before {page.next}")

    show(page, output, human)
    return FINE


@incidents_command.command("show")
@click.argument("id")
@daemon_options
@output_option
def incidents_show(daemon: DaemonAddress, id: str, output: Format) -> int:
    """Show one incident: what repeats, what it cost, what was done, and how to look closer or take it back."""
    with Daemon(daemon) as asked:
        found = asked.get(f"/v1/incidents/{quote(id, safe='')}", Incident)
    show(found, output, lambda out: _print(out, found))
    return FINE


def _line(one: Incident) -> list[str]:
    return [
        one.id,
        moment(one.opened_at),
        ("over" if one.state == "resolved" else "open") + (", silenced" if one.silenced else ""),
        escape(one.agent),
        escape(one.subject),
        level(one.level),
        one.gate or "-",
        one.verified or "-",
        money(one.cost_nusd),
        escape(f"{one.kind}: {one.reason}"),
    ]


def _print(out: "Console", found: Incident) -> None:
    over = f", over since {moment(found.resolved_at)}" if found.state == "resolved" else ""
    out.print(f"[bold]{found.id}[/] opened {moment(found.opened_at)}{over}; told {counted(found.seq, 'time')}")
    out.print(f"  {escape(found.subject)} ({escape(found.agent)}): {level(found.level)} by rule {escape(found.rule)}")
    out.print(f"  {escape(found.kind)}: {escape(found.reason)}")
    if found.change:
        out.print(f"  last: {escape(found.change)}")
    if found.gate:
        out.print(f"  held back by {found.gate}")
    if found.silenced:
        out.print(f"  silenced by {escape(found.silenced)}")
    if found.verified:
        out.print(f"  whether it worked: {found.verified}")
    out.print(f"  cost {money(found.cost_nusd)}, {money(found.cost_per_hour_nusd)} an hour")
    print_grounds(out, found.speaks_for, found.speaks_against)
    print_evidence(out, found.evidence)
    if found.decisions:
        out.print(f"  decisions: {', '.join(found.decisions)}")
    out.print(f"look:  agentwatch explain {found.subject}", markup=False)
    if found.state != "resolved":
        out.print(f"undo:  agentwatch resume {found.subject} --reason …", markup=False)

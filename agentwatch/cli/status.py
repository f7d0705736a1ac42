"""`status`: the daemon at one glance."""

from typing import TYPE_CHECKING

import click

from agentwatch.cli.daemon import Daemon, DaemonAddress, daemon_options
from agentwatch.cli.failure import FINE, FOUND
from agentwatch.cli.output import Format, output_option, rows, show
from agentwatch.cli.wording import age, count, duration, money
from agentwatch.counting import counted
from agentwatch.views import StatusView

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["status_command"]

_NEARLY = 0.8  # of its limit: a bound is worth a line


@click.command("status")
@click.option("--bounds", is_flag=True, help="Show every bound; else only those that are nearly used up or dropped.")
@daemon_options
@output_option
def status_command(daemon: DaemonAddress, output: Format, bounds: bool) -> int:
    """Show the daemon at one glance; exit code 1 when a part of it does not work."""
    with Daemon(daemon) as asked:
        found = asked.get("/v1/status", StatusView)
    show(found, output, lambda out: _print(out, found, bounds))
    return FINE if all(part.ok for part in found.components) and not found.safe_mode else FOUND


def _print(out: "Console", found: StatusView, every_bound: bool) -> None:
    standing = ", ".join(f"{number} {name}" for name, number in found.standing.items() if number) or "nothing"
    dropped = ", ".join(f"{count(number)} {name}" for name, number in found.dropped.items() if number)
    lines = [
        ("agentwatch", f"{found.version}, up {duration(found.now - found.started_at)}, mode {found.mode}"),
        ("partition", f"{found.partition} of {found.partitions}, at {found.position}"),
        ("events", f"{count(found.events)}, {found.events_per_second:,.1f}/s, {found.fingerprints} fingerprints"),
        ("behind", f"{counted(found.lag, 'event')}, oldest {duration(found.oldest_unread_s)}"),
        ("fleet", f"{counted(found.agents_active, 'agent')}, {counted(found.runs_active, 'run')} active"),
        ("looping", f"{found.looping}, {counted(found.incidents_open, 'incident')} open"),
        ("standing", standing),
        ("spent today", money(found.cost_today_nusd)),
        ("policy", f"{counted(found.rules, 'rule')}, {found.policy_digest[:12]}{_reload(found)}"),
        ("dead letters", count(found.dead_letters)),
        ("dropped", dropped or "nothing"),
    ]
    if found.shed_events:
        apps = ", ".join(f"{name} {count(number)}" for name, number in found.shedding.items())
        lines.append(("shed", f"{counted(found.shed_events, 'event')} of flooding apps; lately {apps}"))
    if found.canary:
        lines.append(("canary", found.canary))
    if found.fingerprints_trouble:
        lines.append(("compiled form", f"not used: {found.fingerprints_trouble}"))
    if found.safe_mode:
        out.print(f"[red]{found.safe_mode}: nobody is touched until `agentwatch mode set enforce`[/]")
    for name, words in lines:
        out.print(f"[bold]{name:<14}[/]{words}")
    for breaker in found.breakers:
        colour = "green" if breaker.state == "closed" else "red"
        out.print(
            f"[bold]breaker[/]      {breaker.scope}: [{colour}]{breaker.state}[/], {breaker.used} of {breaker.allowed} "
            f"kills in {duration(breaker.window_s)}{_since(breaker.since, found.now)}"
        )
    for part in found.components:
        mark = "[green]ok[/]" if part.ok else "[red]FAILS[/]"
        out.print(f"[bold]{part.name + ' ':<14}[/]{mark} {part.detail}".rstrip())
    chosen = [b for b in found.bounds if every_bound or b.dropped or b.used >= _NEARLY * b.limit]
    if chosen:
        lines_of = [[b.name, count(b.limit), count(b.used), count(b.dropped)] for b in chosen]
        rows(out, ["bound", "limit", "used", "dropped"], lines_of, "")


def _reload(found: StatusView) -> str:
    return f", last reload: {found.last_reload}" if found.last_reload else ""


def _since(at: float, now: float) -> str:
    return f", since {age(at, now)}" if at else ""

"""`agents`: who is watched, what they cost, how far up the ladder they are."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from agentwatch.cli.daemon import Daemon, DaemonAddress, daemon_options
from agentwatch.cli.findings import print_cohort, print_signals, print_steps
from agentwatch.cli.fleet import agents_of
from agentwatch.cli.output import Format, output_option, rows, show
from agentwatch.cli.printable import escape
from agentwatch.cli.prospect import runs_under
from agentwatch.cli.subjects import named_subject, subject_options
from agentwatch.cli.wording import count, level, moment, money
from agentwatch.counting import counted
from agentwatch.records import Level
from agentwatch.subject import parse
from agentwatch.views import AgentView, RunView

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["agents_command"]


@click.group("agents")
def agents_command() -> None:
    """List the watched agents, or show one."""


@agents_command.command("list")
@click.option("--tenant", default=None, metavar="NAME", help="Only this tenant's.")
@click.option("--app", default=None, metavar="NAME", help="Only this app's.")
@click.option("--looping", is_flag=True, help="Only those that are at warn or above.")
@daemon_options
@output_option
def agents_list(daemon: DaemonAddress, tenant: str | None, app: str | None, looping: bool, output: Format) -> int:
    """List agents, most expensive first."""
    with Daemon(daemon) as asked:
        found = agents_of(asked, tenant=tenant, app=app)
    wanted = [agent for agent in found if agent.level > Level.observe or not looping]
    show(wanted, output, lambda out: _print_agents(out, wanted))
    return 0


@agents_command.command("show")
@subject_options
@daemon_options
@output_option
def agents_show(daemon: DaemonAddress, output: Format, **named: Any) -> int:
    """Show an agent with its runs and signals, one run, or the active runs under any other subject."""
    subject = named_subject(**named)
    scope, *_ = parse(subject)
    with Daemon(daemon) as asked:
        if scope == "run":
            run = asked.get("/v1/run", RunView, subject=subject)
            show(run, output, lambda out: _print_run(out, run))
        elif scope == "agent":
            agent = asked.get("/v1/agent", AgentView, subject=subject)
            show(agent, output, lambda out: _print_agent(out, agent))
        else:
            runs = runs_under(asked, subject)
            show(runs, output, lambda out: _print_runs(out, runs))
    return 0


def _print_agents(out: "Console", agents: list[AgentView]) -> None:
    rows(
        out,
        ["subject", "level", "runs", "events", "tokens", "cost", "per hour", "last seen", "can be stopped"],
        [
            [
                escape(a.subject),
                level(a.level),
                count(a.runs),
                count(a.events),
                count(a.tokens),
                money(a.cost_nusd),
                money(a.cost_per_hour_nusd),
                moment(a.last_at),
                _stoppable(a.stoppable),
            ]
            for a in agents
        ],
        "no agents",
        right=("runs", "events", "tokens", "cost", "per hour"),
    )


def _print_agent(out: "Console", agent: AgentView) -> None:
    out.print(f"[bold]{escape(agent.subject)}[/] is at {level(agent.level)}")
    owner = f", team {escape(agent.team)}" if agent.team else ""
    out.print(
        f"{counted(agent.runs, 'run')}, {counted(agent.events, 'event')}, {counted(agent.tokens, 'token')}, "
        f"{money(agent.cost_nusd)} ({money(agent.cost_per_hour_nusd)} an hour){owner}; "
        f"can be stopped: {_stoppable(agent.stoppable)}"
    )
    print_cohort(out, agent.cohort)
    if agent.signals:
        print_signals(out, agent.signals)
    out.print("\n[bold]runs[/]")
    _print_runs(out, agent.run_views)


def _print_runs(out: "Console", runs: Sequence[RunView]) -> None:
    rows(
        out,
        ["run", "agent", "level", "events", "tokens", "cost", "started", "last seen", "state"],
        [
            [
                escape(r.subject),
                escape(r.agent),
                level(r.level),
                count(r.events),
                count(r.tokens),
                money(r.cost_nusd),
                moment(r.started_at),
                moment(r.last_at),
                "ended" if r.ended else "active",
            ]
            for r in runs
        ],
        "no runs",
        right=("events", "tokens", "cost"),
    )


def _print_run(out: "Console", run: RunView) -> None:
    out.print(f"[bold]{escape(run.subject)}[/] is at {level(run.level)}, {'ended' if run.ended else 'active'}")
    for name, value in (
        ("agent", run.agent),
        ("root run", run.root_run),
        ("parent run", run.parent_run),
        ("task", run.task),
        ("team", run.team),
        ("started", moment(run.started_at)),
        ("last seen", moment(run.last_at)),
        ("events", count(run.events)),
        ("tokens", count(run.tokens)),
        ("cost", money(run.cost_nusd) + (f", {counted(run.unpriced, 'event')} unpriced" if run.unpriced else "")),
    ):
        if value:
            out.print(f"  {name:<12}{escape(value)}")
    out.print(f"  {'can stop':<12}{_stoppable(run.stoppable)}")
    print_signals(out, run.signals)
    if run.steps:
        print_steps(out, run.steps)


def _stoppable(yes: bool) -> str:
    return "[green]yes[/]" if yes else "[red]no guard seen[/]"

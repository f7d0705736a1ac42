"""What an operation would touch: shown before it happens, and asked about where somebody sits at the terminal."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import click

from agentwatch.cli.daemon import Daemon
from agentwatch.cli.failure import NotFound
from agentwatch.cli.fleet import agents_of
from agentwatch.cli.printable import one_line, warn
from agentwatch.cli.wording import count, money
from agentwatch.counting import counted
from agentwatch.errors import BadRequest
from agentwatch.subject import agent_subject, parse
from agentwatch.views import RunView

__all__ = ["confirm", "runs_under", "tell_runs", "yes_option"]

F = TypeVar("F", bound=Callable[..., Any])
_TOLD: Final = 20


def yes_option(function: F) -> F:
    """Add `--yes`, which stands for an answer where nobody can be asked."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")(function)


def confirm(question: str, yes: bool) -> None:
    """Ask on standard error. Raises `BadRequest` where nobody can answer, `Abort` for a no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadRequest("this touches agents: add --yes to do it from a script", "yes")
    click.confirm(question, abort=True, err=True)


def runs_under(daemon: Daemon, subject: str) -> list[RunView]:
    """List the active runs that a command on this subject would reach, as far as the daemon tracks them."""
    scope, tenant, app, ids = parse(subject)
    try:
        if scope == "run":
            return _active([daemon.get("/v1/run", RunView, subject=subject)])
        if scope == "agent":
            return _active(daemon.get("/v1/runs", list[RunView], subject=subject))
        if scope == "task":
            owner = agent_subject(tenant, app, ids[0])
            found = daemon.get("/v1/runs", list[RunView], subject=owner)
            return _active(run for run in found if run.task == ids[1])
    except NotFound:
        return []
    agents = agents_of(daemon, tenant=tenant, app=app)
    runs = [run for agent in agents for run in daemon.get("/v1/runs", list[RunView], subject=agent.subject)]
    return _active(run for run in runs if scope != "root" or run.root_run == ids[0])


def tell_runs(subject: str, what: str, runs: Sequence[RunView]) -> None:
    """Print on standard error which runs an operation would reach."""
    told = f"{what} {subject} reaches {counted(len(runs), 'active run')}"
    click.echo(f"{told}:" if runs else told, err=True)
    for run in runs[:_TOLD]:
        stop = "" if run.stoppable else ", no guard seen"
        name = one_line(run.agent)
        warn(f"  {run.subject}  ({name}, {counted(run.events, 'event')}, {money(run.cost_nusd)}{stop})")
    if len(runs) > _TOLD:
        click.echo(f"  … and {count(len(runs) - _TOLD)} more", err=True)


def _active(runs: Any) -> list[RunView]:
    seen = {run.subject: run for run in runs if not run.ended}
    return list(seen.values())

"""`agentwatch demo`: a fleet with real guards on a real daemon, live in the terminal, and a table at the end."""

import sys
import time
from typing import TYPE_CHECKING

import click
import msgspec

from agentwatch.cli.output import console, rows
from agentwatch.cli.wording import Number
from agentwatch.counting import counted
from agentwatch.demo.cast import CAST, Role
from agentwatch.demo.outcome import Outcome, outcomes, wrong
from agentwatch.demo.stage import Stage
from agentwatch.records import Decision, Level
from agentwatch.views import StatusView

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["demo_command"]

_REFRESH_S = 0.5
_STYLES = {"observe": "dim", "warn": "yellow", "throttle": "dark_orange", "pause": "magenta", "kill": "bold red"}


@click.command("demo")
@click.option("--duration", type=Number(5, 3600), default=90.0, show_default=True, help="Seconds at most.")
@click.option("--pace", type=Number(0.02, 10), default=0.3, show_default=True, help="Seconds a step takes.")
@click.option("--json", "as_json", is_flag=True, help="Print the final table as one JSON object, and nothing else.")
def demo_command(duration: float, pace: float, as_json: bool) -> int:
    """Watch a simulated fleet being stopped, or left alone.

    Starts the embedded server, the daemon under the shipped policy and one process for each agent, seven of which are
    caught in loops while the others only look like it. Ends when every agent has ended, or after the duration. Exit
    code 1 when a looping agent was not stopped or an innocent one was.
    """
    with Stage(pace) as stage:
        stage.start_daemon()
        stage.start_agents()
        if as_json:
            _wait(stage, duration)
        else:
            _show_live(stage, duration, console())
        stage.running()
        found = outcomes(stage)
    mistaken = wrong(found)
    if as_json:
        sys.stdout.write(msgspec.json.encode({"agents": found, "wrong": mistaken}).decode() + "\n")
    else:
        _print(found, mistaken, console())
    return 1 if mistaken else 0


def _wait(stage: Stage, duration: float) -> None:
    deadline = time.monotonic() + duration
    while stage.running() and time.monotonic() < deadline:
        time.sleep(_REFRESH_S)


def _show_live(stage: Stage, duration: float, out: "Console") -> None:
    from rich.live import Live

    started = time.monotonic()
    with Live(console=out, refresh_per_second=4, transient=True) as live:
        while stage.running() and time.monotonic() - started < duration:
            live.update(_table(stage, time.monotonic() - started))
            time.sleep(_REFRESH_S)


def _table(stage: Stage, elapsed: float) -> "Table":
    from rich.table import Table

    table = Table(title=_title(stage.status(), elapsed), title_justify="left", caption_justify="left")
    for name in ("agent", "what it does", "events", "spent", "level", "what agentwatch says"):
        table.add_column(name)
    last: dict[str, Decision] = {}
    for decision in reversed(stage.decisions()):
        last[decision.run] = decision
    for role in CAST:
        table.add_row(*_row(role, stage, last.get(f"{role.name}-1")))
    return table


def _title(status: StatusView | None, elapsed: float) -> str:
    if status is None:
        return f"agentwatch demo, {elapsed:.0f} s"
    return f"agentwatch demo, {elapsed:.0f} s: {counted(status.events, 'event')}, mode {status.mode}"


def _row(role: Role, stage: Stage, decision: Decision | None) -> tuple[str, ...]:
    run, report = stage.run(role.name), stage.report(role.name)
    level = decision.level if decision is not None else Level.observe
    said = decision.reason if decision is not None and level > Level.observe else ""
    if report is not None and report.stopped:
        said = f"STOPPED: {said}"
    elif report is not None and report.finished:
        said = "finished its work" if not said else f"finished; {said}"
    style = _STYLES[level.name]
    spent = f"${run.cost_nusd / 1e9:.3f}" if run is not None else ""
    return (
        role.name,
        role.behaviour,
        str(run.events) if run is not None else "",
        spent,
        f"[{style}]{level.name}[/]",
        said,
    )


def _print(found: list[Outcome], mistaken: list[str], out: "Console") -> None:
    columns = ("agent", "behaviour", "looping", "stopped", "detector", "steps", "seconds", "spent", "saved a night")
    lines = [
        (
            one.name,
            one.behaviour,
            "yes" if one.looping else "no",
            "[red]yes[/]" if one.stopped else "no",
            one.detector,
            str(one.steps_to_stop) if one.steps_to_stop is not None else "",
            f"{one.seconds_to_stop:.1f}" if one.seconds_to_stop is not None else "",
            f"${one.cost_usd:.3f}",
            f"${one.saved_usd:,.2f}" if one.saved_usd else "",
        )
        for one in found
    ]
    rows(out, columns, lines, "nobody played", right=("steps", "seconds", "spent", "saved a night"))
    loops = [one for one in found if one.looping]
    innocent = [one for one in found if not one.looping]
    out.print(
        f"{sum(one.stopped for one in loops)} of {len(loops)} loops stopped, "
        f"{sum(one.stopped for one in innocent)} of {len(innocent)} innocent agents stopped. "
        "Steps and seconds count from the first step that repeated; prices are those of the model named."
    )
    if mistaken:
        out.print(f"[bold red]wrong about:[/] {', '.join(mistaken)}")

"""What every operation by hand has in common: who did it, why, and what came of it."""

import getpass
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from agentwatch.cli.failure import FINE, FOUND
from agentwatch.cli.output import Format, show
from agentwatch.cli.printable import escape
from agentwatch.cli.wording import level, moment
from agentwatch.ports import Accepted
from agentwatch.records import Level

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["operator_options", "show_accepted"]

F = TypeVar("F", bound=Callable[..., Any])


def _caller() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's user often has no name.
        return f"uid {os.getuid()}"


def operator_options(function: F) -> F:
    """Add `--reason`, which must be given, and `--author`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


_OPTIONS: Final = (
    click.option(
        "-r",
        "--reason",
        "--comment",
        "reason",
        required=True,
        help="Why; it is kept with the decision, and agents are told.",
    ),
    click.option(
        "--author",
        envvar="AGENTWATCH_AUTHOR",
        default=_caller,
        show_default="your user name",
        help="Who asks for it.",
    ),
)


def show_accepted(found: Accepted, output: Format, done: str) -> int:
    """Show what came of an operation; exit code 1 where the gate held the decision back."""
    show(found, output, lambda out: _print(out, found, done))
    return FOUND if found.decision is not None and found.decision.gate else FINE


def _print(out: "Console", found: Accepted, done: str) -> None:
    decision = found.decision
    if decision is None:
        out.print(f"{escape(done)} (control {found.control_id})")
        return
    if decision.gate:
        why = f": {escape(decision.gate_reason)}" if decision.gate_reason else ""
        out.print(f"[yellow]decided, but held back by {decision.gate}[/]{why}")
    if decision.level is decision.previous is Level.observe:
        out.print(f"nothing stood against {escape(decision.subject)} itself (decision {decision.id})")
        return
    until = f", until {moment(decision.expires_at)}" if decision.expires_at else ""
    out.print(f"{escape(decision.subject)}: {level(decision.level)} (decision {decision.id}){until}")
    if decision.level > Level.observe:
        out.print(f"undo:  agentwatch decisions delete {decision.id} --reason …", markup=False)

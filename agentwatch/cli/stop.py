"""`kill`, `throttle`, `pause`, `resume`: an operator's own hand on a subject."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from agentwatch.cli.by_hand import decide
from agentwatch.cli.daemon import DaemonAddress, daemon_options
from agentwatch.cli.operator import operator_options
from agentwatch.cli.output import output_option
from agentwatch.cli.prospect import yes_option
from agentwatch.cli.subjects import subject_options
from agentwatch.cli.wording import DURATION, Number

__all__ = ["kill_command", "pause_command", "resume_command", "throttle_command"]

F = TypeVar("F", bound=Callable[..., Any])

_limit = click.option(
    "--limit", type=Number(min=0, min_open=True), default=None, metavar="N",
    help="Calls a minute for the subject as a whole; else the policy's.",
)  # fmt: skip
_for = click.option(
    "--for", "ttl_s", type=DURATION, default=None, metavar="TIME", help="How long it stands (30m, 4h, 2d)."
)


def _hand_options(function: F) -> F:
    """Add who does it, why, and whether to ask, to a verb that takes something from its subject."""
    for options in (output_option, daemon_options, yes_option, operator_options):
        function = options(function)
    return function


@click.command("kill")
@subject_options
@_for
@_hand_options
def kill_command(daemon: DaemonAddress, **said: Any) -> int:
    """End a subject's runs with all that they spawned, and keep them from being started again until it expires."""
    return decide(daemon, "kill", **said)


@click.command("throttle")
@subject_options
@_limit
@_for
@_hand_options
def throttle_command(daemon: DaemonAddress, **said: Any) -> int:
    """Limit a subject's calls a minute."""
    return decide(daemon, "throttle", **said)


@click.command("pause")
@subject_options
@_for
@_hand_options
def pause_command(daemon: DaemonAddress, **said: Any) -> int:
    """Hold a subject where it is, until it is resumed or the time is over."""
    return decide(daemon, "pause", **said)


@click.command("resume")
@subject_options
@operator_options
@daemon_options
@output_option
def resume_command(daemon: DaemonAddress, **said: Any) -> int:
    """Take back what stands against a subject."""
    return decide(daemon, "resume", **said)

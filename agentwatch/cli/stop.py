"""`kill`, `throttle`, `pause`, `resume`: an operator's own hand on a subject."""

from typing import Any

import click

from agentwatch.cli.by_hand import decide
from agentwatch.cli.daemon import DaemonAddress, daemon_options
from agentwatch.cli.operator import operator_options
from agentwatch.cli.output import Format, output_option
from agentwatch.cli.prospect import yes_option
from agentwatch.cli.subjects import named_subject, subject_options
from agentwatch.cli.wording import DURATION

__all__ = ["kill_command", "pause_command", "resume_command", "throttle_command"]

_for = click.option(
    "--for", "ttl_s", type=DURATION, default=None, metavar="TIME", help="How long it stands (30m, 4h, 2d)."
)


@click.command("kill")
@subject_options
@_for
@operator_options
@yes_option
@daemon_options
@output_option
def kill_command(
    daemon: DaemonAddress, reason: str, author: str, ttl_s: float | None, yes: bool, output: Format, **named: Any
) -> int:
    """End a subject's runs with all that they spawned, and keep them from being started again until it expires."""
    subject = named_subject(**named)
    return decide(
        daemon, "kill", subject, reason=reason, author=author, ttl_s=ttl_s, limit=None, yes=yes, output=output
    )


@click.command("throttle")
@subject_options
@click.option(
    "--limit", type=click.FloatRange(min=0, min_open=True), default=None, metavar="N",
    help="Calls a minute for the subject as a whole; else the policy's.",
)  # fmt: skip
@_for
@operator_options
@yes_option
@daemon_options
@output_option
def throttle_command(
    daemon: DaemonAddress,
    reason: str,
    author: str,
    limit: float | None,
    ttl_s: float | None,
    yes: bool,
    output: Format,
    **named: Any,
) -> int:
    """Limit a subject's calls a minute."""
    subject = named_subject(**named)
    return decide(
        daemon, "throttle", subject, reason=reason, author=author, ttl_s=ttl_s, limit=limit, yes=yes, output=output
    )


@click.command("pause")
@subject_options
@_for
@operator_options
@yes_option
@daemon_options
@output_option
def pause_command(
    daemon: DaemonAddress, reason: str, author: str, ttl_s: float | None, yes: bool, output: Format, **named: Any
) -> int:
    """Hold a subject where it is, until it is resumed or the time is over."""
    subject = named_subject(**named)
    return decide(
        daemon, "pause", subject, reason=reason, author=author, ttl_s=ttl_s, limit=None, yes=yes, output=output
    )


@click.command("resume")
@subject_options
@operator_options
@daemon_options
@output_option
def resume_command(daemon: DaemonAddress, reason: str, author: str, output: Format, **named: Any) -> int:
    """Take back what stands against a subject."""
    subject = named_subject(**named)
    return decide(
        daemon, "resume", subject, reason=reason, author=author, ttl_s=None, limit=None, yes=True, output=output
    )

"""`silence`: subjects whose alerts are held, until a time."""

from typing import Any

import click

from agentwatch.cli.allow import pattern_of, show_entries
from agentwatch.cli.daemon import Daemon, DaemonAddress, daemon_options
from agentwatch.cli.failure import FINE
from agentwatch.cli.operator import operator_options, show_accepted
from agentwatch.cli.output import Format, output_option
from agentwatch.cli.prospect import confirm, yes_option
from agentwatch.cli.subjects import subject_options
from agentwatch.cli.wording import DURATION
from agentwatch.ports import Accepted
from agentwatch.records import AllowEntry

__all__ = ["silence_command"]


@click.group("silence")
def silence_command() -> None:
    """Hold the alerts about subjects, until a time; what is decided and done goes on."""


@silence_command.command("list")
@daemon_options
@output_option
def silence_list(daemon: DaemonAddress, output: Format) -> int:
    """List the silences that have not ended."""
    with Daemon(daemon) as asked:
        found = asked.get("/v1/silences", list[AllowEntry])
    show_entries(found, output, "nobody is silenced")
    return FINE


@silence_command.command("add")
@subject_options
@click.option("--for", "ttl_s", type=DURATION, required=True, metavar="TIME", help="How long (30m, 4h, 2d).")
@operator_options
@daemon_options
@output_option
def silence_add(daemon: DaemonAddress, ttl_s: float, reason: str, author: str, output: Format, **named: Any) -> int:
    """Hold the alerts about a subject. Those that are stopped are stopped still; `allow` keeps them from that.

    SUBJECT may be a glob over subjects, as in 'acme/crew/agent/nightly-*'. A stop without effect is told all the same.
    """
    pattern = pattern_of(named)
    body = {"pattern": pattern, "author": author, "comment": reason, "ttl_s": ttl_s}
    with Daemon(daemon) as asked:
        return show_accepted(asked.send("POST", "/v1/silences", Accepted, body), output, f"silenced {pattern}")


@silence_command.command("remove")
@subject_options
@operator_options
@yes_option
@daemon_options
@output_option
def silence_remove(daemon: DaemonAddress, reason: str, author: str, yes: bool, output: Format, **named: Any) -> int:
    """End a silence: what it held and still is so is told now."""
    pattern = pattern_of(named)
    with Daemon(daemon) as asked:
        confirm(f"tell of {pattern} again?", yes)
        answer = asked.send("DELETE", "/v1/silences", Accepted, pattern=pattern, author=author, reason=reason)
        return show_accepted(answer, output, f"no longer silenced: {pattern}")

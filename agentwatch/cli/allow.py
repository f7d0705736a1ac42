"""`allow`: subjects that must not be touched, until a time."""

import time
from collections.abc import Sequence
from typing import Any

import click

from agentwatch.cli.daemon import Daemon, DaemonAddress, daemon_options
from agentwatch.cli.failure import FINE
from agentwatch.cli.operator import operator_options, show_accepted
from agentwatch.cli.output import Format, output_option, rows, show
from agentwatch.cli.printable import escape
from agentwatch.cli.prospect import confirm, yes_option
from agentwatch.cli.subjects import named_subject, subject_options
from agentwatch.cli.wording import DURATION, duration, moment
from agentwatch.ports import Accepted
from agentwatch.records import AllowEntry

__all__ = ["allow_command", "pattern_of", "show_entries"]


@click.group("allow")
def allow_command() -> None:
    """Keep subjects from being touched, until a time."""


@allow_command.command("list")
@daemon_options
@output_option
def allow_list(daemon: DaemonAddress, output: Format) -> int:
    """List the entries that have not expired."""
    with Daemon(daemon) as asked:
        found = asked.get("/v1/allow", list[AllowEntry])
    show_entries(found, output, "nobody is allowed")
    return FINE


@allow_command.command("add")
@subject_options
@click.option("--for", "ttl_s", type=DURATION, required=True, metavar="TIME", help="How long (30m, 4h, 2d).")
@operator_options
@daemon_options
@output_option
def allow_add(daemon: DaemonAddress, ttl_s: float, reason: str, author: str, output: Format, **named: Any) -> int:
    """Leave a subject alone. What stands against it is taken back at once.

    SUBJECT may be a glob over subjects, as in 'acme/crew/agent/nightly-*'.
    """
    pattern = pattern_of(named)
    body = {"pattern": pattern, "author": author, "comment": reason, "ttl_s": ttl_s}
    with Daemon(daemon) as asked:
        return show_accepted(asked.send("POST", "/v1/allow", Accepted, body), output, f"allowed {pattern}")


@allow_command.command("remove")
@subject_options
@operator_options
@yes_option
@daemon_options
@output_option
def allow_remove(daemon: DaemonAddress, reason: str, author: str, yes: bool, output: Format, **named: Any) -> int:
    """Take an entry off the list: what is decided about its subjects counts again."""
    pattern = pattern_of(named)
    with Daemon(daemon) as asked:
        confirm(f"take {pattern} off the allow list?", yes)
        answer = asked.send("DELETE", "/v1/allow", Accepted, pattern=pattern, author=author, reason=reason)
        return show_accepted(answer, output, f"no longer allowed: {pattern}")


def show_entries(entries: Sequence[AllowEntry], output: Format, nobody: str) -> None:
    """Show whom each entry is about, until when, whose it is, and why; nobody: what to say where there is none."""
    now = time.time()
    lines = [
        [
            escape(entry.pattern),
            f"{moment(entry.expires_at)} ({duration(entry.expires_at - now)} left)",
            escape(entry.author),
            escape(entry.comment),
        ]
        for entry in entries
    ]
    show(entries, output, lambda out: rows(out, ["subjects", "until", "author", "comment"], lines, nobody))


def pattern_of(named: dict[str, Any]) -> str:
    """Take a glob as it is; anything else must be a subject, so that a slip does not mean nobody unseen."""
    given = named.get("subject")
    if isinstance(given, str) and any(sign in given for sign in "*?["):
        return given
    return named_subject(**named)

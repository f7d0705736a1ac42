"""A decision by hand: shows what it would reach, asks, sends it, and tells what came of it."""

from typing import Any, Literal

from agentwatch.cli.daemon import Daemon, DaemonAddress
from agentwatch.cli.operator import show_accepted
from agentwatch.cli.output import Format
from agentwatch.cli.prospect import confirm, runs_under, tell_runs
from agentwatch.cli.subjects import named_subject
from agentwatch.ports import Accepted
from agentwatch.subject import parse

__all__ = ["Cmd", "decide"]

Cmd = Literal["kill", "throttle", "pause", "resume"]


def decide(
    daemon: DaemonAddress,
    cmd: Cmd,
    *,
    reason: str,
    author: str,
    output: Format,
    yes: bool = True,
    ttl_s: float | None = None,
    limit: float | None = None,
    **named: Any,
) -> int:
    """Decide over the subject that `named` names. A resume takes nothing from anybody, so it is not asked about."""
    subject = named_subject(**named)
    # A bare word has been refused: what is a tenant here was named by --tenant alone.
    whole = True if cmd != "resume" and parse(subject)[0] == "tenant" else None
    request = {
        "subject": subject, "cmd": cmd, "author": author, "reason": reason, "ttl_s": ttl_s, "limit": limit,
        "whole_tenant": whole,
    }  # fmt: skip
    with Daemon(daemon) as asked:
        if cmd != "resume":
            tell_runs(subject, cmd, runs_under(asked, subject))
            confirm(f"{cmd} {subject}?", yes)
        body = {name: value for name, value in request.items() if value is not None}
        return show_accepted(asked.send("POST", "/v1/decisions", Accepted, body), output, f"{cmd} {subject}")

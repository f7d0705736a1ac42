"""A decision by hand: shows what it would reach, asks, sends it, and tells what came of it."""

from typing import Literal

from agentwatch.cli.daemon import Daemon, DaemonAddress
from agentwatch.cli.operator import show_accepted
from agentwatch.cli.output import Format
from agentwatch.cli.prospect import confirm, runs_under, tell_runs
from agentwatch.ports import Accepted

__all__ = ["Cmd", "decide"]

Cmd = Literal["kill", "throttle", "pause", "resume"]


def decide(
    daemon: DaemonAddress,
    cmd: Cmd,
    subject: str,
    *,
    reason: str,
    author: str,
    ttl_s: float | None,
    limit: float | None,
    yes: bool,
    output: Format,
) -> int:
    """Decide over a subject. A resume takes nothing from anybody, so it is not asked about."""
    request = {"subject": subject, "cmd": cmd, "author": author, "reason": reason, "ttl_s": ttl_s, "limit": limit}
    with Daemon(daemon) as asked:
        if cmd != "resume":
            tell_runs(subject, cmd, runs_under(asked, subject))
            confirm(f"{cmd} {subject}?", yes)
        body = {name: value for name, value in request.items() if value is not None}
        return show_accepted(asked.send("POST", "/v1/decisions", Accepted, body), output, f"{cmd} {subject}")

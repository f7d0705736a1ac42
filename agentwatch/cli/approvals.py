"""`approvals`, `approve`, `deny`: what a rule lets nobody but a human decide."""

import time

import click

from agentwatch.cli.daemon import Daemon, DaemonAddress, daemon_options
from agentwatch.cli.failure import FINE, FOUND
from agentwatch.cli.operator import operator_options, show_accepted
from agentwatch.cli.output import Format, output_option, rows, show
from agentwatch.cli.printable import escape
from agentwatch.cli.prospect import confirm, runs_under, tell_runs, yes_option
from agentwatch.cli.wording import duration
from agentwatch.ports import Accepted
from agentwatch.views import ApprovalView

__all__ = ["approvals_command", "approve_command", "deny_command"]

_THEN = {"drop": "dropped", "go": "goes on"}


@click.group("approvals")
def approvals_command() -> None:
    """List what waits for approval."""


@approvals_command.command("list")
@daemon_options
@output_option
def approvals_list(daemon: DaemonAddress, output: Format) -> int:
    """List what waits for approval, oldest first; exit code 1 when something does."""
    with Daemon(daemon) as asked:
        found = asked.get("/v1/approvals", list[ApprovalView])
    now = time.time()
    lines = [
        [
            one.decision.id,
            escape(one.decision.subject),
            one.decision.level.name,
            f"{duration(max(0.0, one.until - now))}, then {_THEN.get(one.otherwise, one.otherwise)}",
            escape(one.decision.reason),
        ]
        for one in found
    ]
    show(found, output, lambda out: rows(out, ["decision", "subject", "to", "left", "why"], lines, "nothing waits"))
    return FOUND if found else FINE


@click.command("approve")
@click.argument("target", metavar="DECISION|SUBJECT")
@operator_options
@yes_option
@daemon_options
@output_option
def approve_command(daemon: DaemonAddress, target: str, reason: str, author: str, yes: bool, output: Format) -> int:
    """Let a decision take effect that waits for approval."""
    with Daemon(daemon) as asked:
        waiting = [one.decision for one in asked.get("/v1/approvals", list[ApprovalView])]
        for decision in waiting:
            if target in (decision.id, decision.subject):
                tell_runs(decision.subject, decision.level.name, runs_under(asked, decision.subject))
        confirm(f"approve {target}?", yes)
        body = {"target": target, "author": author, "reason": reason}
        answer = asked.send("POST", "/v1/approvals/approve", Accepted, body)
        return show_accepted(answer, output, f"approved {target}")


@click.command("deny")
@click.argument("target", metavar="DECISION|SUBJECT")
@operator_options
@daemon_options
@output_option
def deny_command(daemon: DaemonAddress, target: str, reason: str, author: str, output: Format) -> int:
    """Drop a decision that waits for approval: the subject goes on, and only what grows beyond it counts."""
    body = {"target": target, "author": author, "reason": reason}
    with Daemon(daemon) as asked:
        return show_accepted(asked.send("POST", "/v1/approvals/deny", Accepted, body), output, f"denied {target}")

"""`breaker`: the limit on how many agents may be killed in a short time."""

import click

from agentwatch.cli.daemon import Daemon, DaemonAddress, daemon_options
from agentwatch.cli.failure import FINE, FOUND
from agentwatch.cli.operator import operator_options, show_accepted
from agentwatch.cli.output import Format, output_option, rows, show
from agentwatch.cli.printable import escape, warn
from agentwatch.cli.prospect import confirm, yes_option
from agentwatch.cli.wording import duration, moment
from agentwatch.ports import Accepted
from agentwatch.views import BreakerView

__all__ = ["breaker_command"]


@click.group("breaker")
def breaker_command() -> None:
    """Show or reset the limit on kills."""


@breaker_command.command("show")
@daemon_options
@output_option
def breaker_show(daemon: DaemonAddress, output: Format) -> int:
    """Show each breaker's window and state; exit code 1 when one is not closed."""
    with Daemon(daemon) as asked:
        found = asked.get("/v1/breaker", list[BreakerView])
    lines = [
        [escape(b.scope), b.state, f"{b.used} of {b.allowed}", duration(b.window_s), moment(b.since)] for b in found
    ]
    columns = ["scope", "state", "kills", "window", "since"]
    show(found, output, lambda out: rows(out, columns, lines, "no breaker has counted anything"))
    return FINE if all(b.state == "closed" for b in found) else FOUND


@breaker_command.command("reset")
@click.argument("scope", required=False, default="")
@operator_options
@yes_option
@daemon_options
@output_option
def breaker_reset(daemon: DaemonAddress, scope: str, reason: str, author: str, yes: bool, output: Format) -> int:
    """Close a breaker before its time (SCOPE as `breaker show` names it; none is all): held kills go through again."""
    with Daemon(daemon) as asked:
        held = [b for b in asked.get("/v1/breaker", list[BreakerView]) if b.state != "closed"]
        names = ", ".join(b.scope for b in held) or "none"
        warn(f"not closed now: {names}; kills that were held back will be decided anew")
        confirm(f"reset {scope or 'all breakers'}?", yes)
        body = {"author": author, "reason": reason, "scope": scope}
        answer = asked.send("POST", "/v1/breaker/reset", Accepted, body)
        return show_accepted(answer, output, f"reset {scope or 'all breakers'}")

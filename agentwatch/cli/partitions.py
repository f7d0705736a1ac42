"""`partitions`: who serves what, and how many there are."""

import click
from rich.markup import escape

from agentwatch.cli.daemon import Daemon, DaemonAddress, daemon_options
from agentwatch.cli.failure import FINE, FOUND
from agentwatch.cli.output import Format, output_option, rows, show
from agentwatch.cli.wording import duration
from agentwatch.views import PartitionView

__all__ = ["partitions_command"]


@click.group("partitions")
def partitions_command() -> None:
    """Show who serves which partition."""


@partitions_command.command("list")
@daemon_options
@output_option
def partitions_list(daemon: DaemonAddress, output: Format) -> int:
    """List every partition with its owner, lag and the age of what waits; exit code 1 when nobody serves one."""
    with Daemon(daemon) as asked:
        found = asked.get("/v1/partitions", list[PartitionView])
    lines = [
        [
            str(one.index),
            escape(one.owner or "nobody"),
            escape(one.url),
            str(one.token or ""),
            duration(one.lease_s) if one.owner else "",
            str(one.events),
            "?" if one.lag < 0 else str(one.lag),
            duration(one.oldest_s) if one.lag else "",
        ]
        for one in found
    ]
    columns = ["partition", "owner", "api", "token", "lease", "events", "lag", "oldest"]
    show(found, output, lambda out: rows(out, columns, lines, "there are no partitions"))
    return FINE if all(one.owner for one in found) else FOUND

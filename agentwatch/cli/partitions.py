"""`partitions`: who serves what, and how many there are."""

import asyncio
import os
from pathlib import Path

import click

from agentwatch.cli.config_file import config_file_option
from agentwatch.cli.daemon import Daemon, DaemonAddress, daemon_options
from agentwatch.cli.failure import FINE, FOUND
from agentwatch.cli.output import Format, output_option, rows, show
from agentwatch.cli.printable import escape
from agentwatch.cli.prospect import confirm, yes_option
from agentwatch.cli.wording import Number, duration
from agentwatch.counting import counted
from agentwatch.views import PartitionView

__all__ = ["partitions_command"]


@click.group("partitions")
def partitions_command() -> None:
    """Show who serves which partition, and change how many there are."""


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
            escape(_worker(one.owner)),
            escape(one.url),
            str(one.token or ""),
            duration(one.lease_s) if one.owner else "",
            str(one.events),
            "?" if one.lag < 0 else str(one.lag),
            duration(one.oldest_s) if one.lag else "",
        ]
        for one in found
    ]
    columns = ["partition", "worker", "api", "token", "lease", "events", "lag", "oldest"]
    show(found, output, lambda out: rows(out, columns, lines, "there are no partitions"))
    return FINE if all(one.owner for one in found) else FOUND


@partitions_command.command("resize")
@click.argument("partitions", type=click.IntRange(1, 4096))
@config_file_option("The daemons' configuration file: where Redis is, and the policy.")
@click.option(
    "--wait",
    "wait_s",
    type=Number(min=1),
    default=120.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for a worker to give a partition up.",
)
@yes_option
@output_option
def partitions_resize(partitions: int, path: Path | None, wait_s: float, yes: bool, output: Format) -> int:
    """Change the number of partitions to PARTITIONS. Nothing is lost: state, what stands, and what was not read yet.

    Every worker lets go of all partitions and takes its share again afterwards; until then, for seconds, nothing new
    is decided, and what stands goes on standing. If it is broken off, run it again.
    """
    from agentwatch.observe import configure_logging
    from agentwatch.service.settings import read_settings
    from agentwatch.service.wiring_resize import resize

    settings = read_settings(path, os.environ)
    configure_logging(settings.config.log)
    confirm(f"stop all workers for a moment and make {counted(partitions, 'partition')}?", yes)
    done = asyncio.run(resize(settings, partitions, wait_s))
    words = (
        f"{done.before} → {counted(done.after, 'partition')}; {done.moved} of {counted(done.apps, 'app')} moved, "
        f"{counted(done.standing, 'decision stands', 'decisions stand')}, "
        f"{counted(done.passed_on, 'unread input was', 'unread inputs were')} passed on"
    )
    show(done, output, lambda out: out.print(words))
    return FINE


def _worker(owner: str) -> str:
    """Say in words which process holds a partition: its host and number, without the process namespace."""
    place, _, pid = owner.rpartition(" ")
    return f"process {pid} on {place.partition('|')[0]}" if place else owner or "nobody"

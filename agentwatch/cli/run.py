"""`run`: the daemon."""

import os
from pathlib import Path

import click

__all__ = ["run_command"]


@click.command("run")
@click.option(
    "-c",
    "--config",
    "path",
    envvar="AGENTWATCH_CONFIG",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="The configuration file; none: defaults and the environment.",
)
def run_command(path: Path | None) -> int:
    """Run the daemon until SIGTERM or Ctrl-C; SIGHUP takes a changed configuration over.

    AGENTWATCH_… variables override the file: redis.url is AGENTWATCH_REDIS_URL. With no Redis configured a server of
    its own starts on loopback. Exit code 2: the configuration was refused; 1: a part failed.
    """
    from agentwatch.service.running import run
    from agentwatch.service.settings import read_settings

    return run(read_settings(path, os.environ))

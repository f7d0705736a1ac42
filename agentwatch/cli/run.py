"""`run`: the daemon."""

import os
from pathlib import Path

import click

from agentwatch.cli.config_file import config_file_option
from agentwatch.cli.loading import loading

__all__ = ["run_command"]


@click.command("run")
@config_file_option()
def run_command(path: Path | None) -> int:
    """Run the daemon until SIGTERM or Ctrl-C; SIGHUP takes a changed configuration over.

    AGENTWATCH_… variables override the file: redis.url is AGENTWATCH_REDIS_URL. With no Redis configured a server of
    its own starts on loopback. Exit code 2: the configuration was refused; 3: a port
    that it names is in use, or another system did not answer; 1: a part failed.
    """
    with loading(for_good=True):
        from agentwatch.service.running import run
        from agentwatch.service.settings import read_settings

        settings = read_settings(path, os.environ)
    return run(settings)

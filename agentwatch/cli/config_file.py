"""The option `--config` of the verbs that read what the daemon reads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = ["config_file_option"]

Command = TypeVar("Command", bound=Callable[..., Any])


def config_file_option(
    use: str = "The configuration file; none: defaults and the environment.",
) -> Callable[[Command], Command]:
    """Give the command the argument `path`: the file that was named, or that AGENTWATCH_CONFIG names, or None."""
    return click.option(
        "-c",
        "--config",
        "path",
        envvar="AGENTWATCH_CONFIG",
        type=click.Path(path_type=Path, dir_okay=False),
        default=None,
        help=use,
    )

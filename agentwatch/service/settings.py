"""What a daemon is started with and how it is read again: configuration, policy files, environment."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from agentwatch.config import Config, read_config, read_policy_files
from agentwatch.rulebook import RuleBook
from agentwatch.service.composing import make_rulebook

__all__ = ["Settings", "read_settings"]


class Settings(Struct, frozen=True):
    """A configuration that was checked whole, with the rulebook that it leads to."""

    path: Path | None
    environment: Mapping[str, str]
    config: Config
    rulebook: RuleBook


def read_settings(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """Read and check everything. Raises `BadConfig` naming file and key."""
    config = read_config(path, environment)
    base = path.absolute().parent if path is not None else Path.cwd()
    return Settings(path, environment, config, make_rulebook(config, read_policy_files(config, base)))

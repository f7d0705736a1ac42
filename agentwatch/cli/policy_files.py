"""Policies as they are named on the command line: read, checked file by file, and tried on recorded events."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from agentwatch.cli.replay import NumberedLines, tell_rest, teller
from agentwatch.config import Config, read_config
from agentwatch.errors import BadConfig, BadInput
from agentwatch.rulebook import RuleBook
from agentwatch.service.composing import make_rulebook, shipped_policy
from agentwatch.service.replaying import Replay

__all__ = ["checked", "config_of", "count_matches", "read_policy"]

_SHIPPED = "shipped"


def config_of(path: Path | None) -> Config:
    """Read the configuration that options come from; none: the defaults. The environment does not count."""
    return read_config(path, {}) if path is not None else Config()


def read_policy(names: Sequence[str]) -> dict[str, bytes]:
    """Read the policy files that were named: files, directories of `*.toml`, or `shipped`. Raises `BadInput`."""
    found: dict[str, bytes] = {}
    for name in names:
        path = Path(name)
        if name == _SHIPPED:
            found.update(shipped_policy())
        elif path.is_dir():
            inside = sorted(path.glob("*.toml"))
            if not inside:
                raise BadInput("there is no *.toml file in this directory", name)
            found.update((str(file), file.read_bytes()) for file in inside)
        else:
            found[name] = path.read_bytes()
    return found


def checked(config: Config, files: Mapping[str, bytes]) -> list[str]:
    """Tell what is wrong with each file by itself; where nothing is, what is wrong with all of them together."""
    wrong = [words for name, content in sorted(files.items()) if (words := _check(config, {name: content}))]
    if not wrong and len(files) > 1 and (words := _check(config, files)):
        wrong.append(words)
    return wrong


def _check(config: Config, files: Mapping[str, bytes]) -> str:
    try:
        make_rulebook(config, files)
    except BadConfig as error:
        only = next(iter(files)) if len(files) == 1 else ""
        named = any(error.field.startswith(name) for name in files)
        return str(error) if named or not only else f"{only}: {error}"
    return ""


def count_matches(config: Config, rulebook: RuleBook, lines: NumberedLines) -> None:
    """Decide over recorded events; the rulebook then tells what each rule matched. Malformed lines are named."""
    replay = Replay(config, rulebook, tell=teller(lines))
    for _ in replay.changes(lines):
        pass
    tell_rest(replay.summary)

"""`config`: is a configuration right, what is in force, and what can be set."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from agentwatch.cli.config_checks import checked
from agentwatch.cli.config_file import config_file_option
from agentwatch.cli.failure import FINE
from agentwatch.cli.output import Format, output_option, show
from agentwatch.cli.printable import escape
from agentwatch.config import Config, read_config
from agentwatch.counting import counted
from agentwatch.masking import masked
from agentwatch.records import Event
from agentwatch.redaction import redacted

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["config_command"]

_SCHEMAS: Final = {"config": Config, "event": Event}
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_config_option = config_file_option()


@click.group("config")
def config_command() -> None:
    """Check, show or describe the configuration."""


@config_command.command("check")
@_config_option
@output_option
def config_check(path: Path | None, output: Format) -> int:
    """Read everything that the daemon would read, and name what is wrong (exit code 2).

    A file with a wrong value is read no further. Of a file that can be read every wrong address, secret and receiver is
    named, and the first mistake of the policy (all of them: agentwatch rules check). Secrets that only the service
    itself can read are named as not checked.
    """
    config = read_config(path, os.environ)
    seen = checked(config, path)
    for error in seen.wrong[:-1]:
        click.echo(f"agentwatch: {redacted(str(error))}", err=True)
    if seen.wrong or seen.policy is None:
        raise seen.wrong[-1]
    policy = seen.policy
    found = {
        "config": str(path) if path is not None else "",
        "policy": policy.digest,
        "rules": [rule.name for rule in policy.rules],
        "receivers": [receiver.name for receiver in config.receivers],
        "not_checked": seen.unchecked,
    }

    def human(out: "Console") -> None:
        out.print(f"[green]fine[/]: {counted(len(policy.rules), 'rule')}, {counted(len(config.receivers), 'receiver')}")
        for one in seen.unchecked:
            out.print(
                f"[yellow]not checked here[/]: {escape(one.names)} ({escape(one.key)}); only the service can read it"
            )

    show(found, output, human)
    return FINE


@config_command.command("show")
@_config_option
@click.option("--changed", is_flag=True, help="Only what differs from the defaults.")
@output_option
def config_show(path: Path | None, changed: bool, output: Format) -> int:
    """Show every value in force and where it comes from; secrets are masked."""
    config = read_config(path, os.environ)
    values = dict(_flat(masked(msgspec.to_builtins(config)), ""))
    given = dict(_flat(msgspec.toml.decode(path.read_bytes(), type=dict[str, Any]), "")) if path is not None else {}
    lines = [
        {"key": key, "value": value, "from": _origin(key, given)}
        for key, value in values.items()
        if not changed or _origin(key, given) != "default"
    ]

    def human(out: "Console") -> None:
        for line in lines:
            if line["value"] is None:
                out.print(f"[dim]# {line['key']} is not set[/]")
                continue
            origin = "" if line["from"] == "default" else f"  [dim]# {line['from']}[/]"
            out.print(f"{line['key']} = {escape(_toml(line['value']))}{origin}")

    show(lines, output, human)
    return FINE


@config_command.command("schema")
@click.option("--of", "kind", type=click.Choice(sorted(_SCHEMAS)), default="config", show_default=True,
              help="Of the configuration, or of a usage event.")  # fmt: skip
def config_schema(kind: str) -> int:
    """Print the JSON Schema, for editors and validators."""
    schema = {"$schema": _DIALECT, **msgspec.json.schema(_SCHEMAS[kind])}
    click.echo(msgspec.json.format(msgspec.json.encode(schema), indent=2))
    return FINE


def _flat(tree: dict[str, Any], under: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in tree.items():
        key = f"{under}.{name}" if under else name
        found += _flat(value, key) if isinstance(value, dict) else [(key, value)]
    return found


def _origin(key: str, given: dict[str, Any]) -> str:
    variable = "AGENTWATCH_" + key.replace(".", "_").upper()
    if variable in os.environ:
        return variable
    return "file" if key in given else "default"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(part)}" for name, part in value.items() if part is not None) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    # What is left of JSON is TOML as well.
    return msgspec.json.encode(value).decode()

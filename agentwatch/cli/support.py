"""`support`: a file for a report of a fault, without secrets."""

import io
import os
import tarfile
import time
from pathlib import Path
from typing import Any

import click
import msgspec

from agentwatch import observe
from agentwatch.cli.config_file import config_file_option
from agentwatch.cli.daemon import Daemon, DaemonAddress, daemon_options
from agentwatch.cli.failure import FINE, FOUND
from agentwatch.cli.output import Format, output_option, show
from agentwatch.config import read_config
from agentwatch.errors import AgentwatchError, BadRequest
from agentwatch.masking import masked
from agentwatch.support import SupportView

__all__ = ["support_command"]


@click.group("support")
def support_command() -> None:
    """Collect what a report of a fault should hold."""


@support_command.command("dump")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@config_file_option("The configuration file, for when the daemon does not answer.")
@daemon_options
@output_option
def support_dump(daemon: DaemonAddress, file: Path, path: Path | None, output: Format) -> int:
    """Write the new FILE (.tar.gz): versions, configuration, status, metrics and the last lines of the log.

    Secrets are masked, and nothing of what agents said is in it; look it through before you send it all the same. Where
    the daemon does not answer, what can be told without it; exit code 1 then.
    """
    parts, missing = _parts(daemon, path)
    _write(file, parts)
    words = f"{file}: {', '.join(parts)}" + (f"; without the daemon: {missing}" if missing else "")
    show(
        {"file": str(file), "parts": list(parts), "missing": missing},
        output,
        lambda out: out.print(words, markup=False),
    )
    return FOUND if missing else FINE


def _parts(daemon: DaemonAddress, path: Path | None) -> tuple[dict[str, bytes], str]:
    """Give the files' contents, and why the daemon's are not among them."""
    try:
        with Daemon(daemon) as asked:
            found = asked.get("/v1/support", SupportView)
    except AgentwatchError as error:
        return _without(path), observe.redacted(str(error))
    return {
        "versions.json": _pretty(found.versions),
        "config.json": msgspec.json.format(bytes(found.config), indent=2),
        "status.json": msgspec.json.format(bytes(found.status), indent=2),
        "metrics.txt": found.metrics.encode(),
        "log.txt": "".join(line + "\n" for line in found.log).encode(),
    }, ""


def _without(path: Path | None) -> dict[str, bytes]:
    from agentwatch.service.supporting import versions

    parts = {"versions.json": _pretty(versions())}
    try:
        config = read_config(path, os.environ)
        parts["config.json"] = _pretty(masked(msgspec.to_builtins(config)))
    except AgentwatchError as error:
        parts["config-error.txt"] = f"{error}\n".encode()
    return parts


def _pretty(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2)


def _write(file: Path, parts: dict[str, bytes]) -> None:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise BadRequest(f"{file} is there already", "file") from error
    with os.fdopen(handle, "wb") as out, tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in parts.items():
            member = tarfile.TarInfo(f"agentwatch-support/{name}")
            member.size, member.mtime, member.mode = len(content), int(time.time()), 0o600
            archive.addfile(member, io.BytesIO(content))

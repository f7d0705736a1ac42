"""`notify`: the receivers of alerts, tried before they are needed."""

import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import httpx
import msgspec
from msgspec import Struct

from agentwatch.alert.render import WATCHER
from agentwatch.alert.sample import sample_incident
from agentwatch.cli.config_file import config_file_option
from agentwatch.cli.failure import BAD_INPUT, FINE, UNANSWERED
from agentwatch.cli.output import Format, output_option, rows, show
from agentwatch.cli.printable import escape
from agentwatch.config import ReceiverOptions, read_config
from agentwatch.errors import AgentwatchError, BadConfig, NotifyUnavailable
from agentwatch.records import Incident, Level
from agentwatch.service.notifiers import make_notifier
from agentwatch.service.receivers import resolved

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["notify_command"]

_DEADLINE_S: Final = 45.0
_config_option = config_file_option("The configuration that names the receivers.")


class _Receivers(Struct, frozen=True):
    """Of a configuration file, the receivers alone, each as it was written."""

    receivers: tuple[dict[str, Any], ...] = ()


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of one receiver's message: "" in `reason` is success; `again`: the same may work later."""

    receiver: str
    kind: str
    reason: str = ""
    again: bool = False


@click.group("notify")
def notify_command() -> None:
    """Try the receivers of alerts."""


@notify_command.command("test")
@click.argument("names", nargs=-1, metavar="[RECEIVER]…")
@_config_option
@output_option
def notify_test(names: tuple[str, ...], path: Path | None, output: Format) -> int:
    """Send a made-up incident to every configured receiver, or to those named.

    Exit code 2 when a receiver refused it for good, 3 when one did not answer.
    """
    return _send(read_config(path, os.environ).receivers, names, sample_incident(time.time()), output)


@notify_command.command("failed")
@click.option("--unit", required=True, help="The unit that has failed.")
@_config_option
@output_option
def notify_failed(unit: str, path: Path | None, output: Format) -> int:
    """Tell every receiver that agentwatch itself has failed: what agentwatch-alert@.service runs."""
    now = time.time()
    incident = Incident(
        id=f"i-watcher-{int(now)}", seq=1, state="opened", opened_at=now, updated_at=now, tenant="", app="agentwatch",
        agent=unit, run="", root_run="", subject="agentwatch", kind=WATCHER, level=Level.kill,
        reason=f"{unit} has failed and is not started again; what stands against agents stands until it expires",
    )  # fmt: skip
    return _send(_receivers_at_any_rate(path), (), incident, output)


def _receivers_at_any_rate(path: Path | None) -> Sequence[ReceiverOptions]:
    """Read the receivers even where the rest of the file is wrong: that may be just why there is something to tell."""
    try:
        return read_config(path, os.environ).receivers
    except BadConfig as error:
        if path is None or not path.is_file():
            raise
        click.echo(f"agentwatch: {error}", err=True)
    found: list[ReceiverOptions] = []
    try:
        for table in msgspec.toml.decode(path.read_bytes(), type=_Receivers).receivers:
            with suppress(msgspec.ValidationError):
                found.append(msgspec.convert(table, ReceiverOptions))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadConfig(f"not even the receivers can be read: {error}", str(path)) from error
    return found


def _send(receivers: Sequence[ReceiverOptions], names: Sequence[str], incident: Incident, output: Format) -> int:
    unknown = set(names) - {receiver.name for receiver in receivers}
    if unknown:
        raise BadConfig(f"no receiver is called {', '.join(sorted(unknown))}", "receivers")
    chosen = [receiver for receiver in receivers if not names or receiver.name in names]
    if not chosen:
        raise BadConfig("none is configured; --config names the file of the daemon", "receivers")
    outcomes = asyncio.run(_send_all(chosen, incident))
    show(outcomes, output, lambda out: _print(out, outcomes))
    if all(not outcome.reason for outcome in outcomes):
        return FINE
    return BAD_INPUT if any(outcome.reason and not outcome.again for outcome in outcomes) else UNANSWERED


async def _send_all(receivers: Sequence[ReceiverOptions], incident: Incident) -> list[Outcome]:
    async with httpx.AsyncClient() as client, asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_try(receiver, client, incident), name=f"notify-{receiver.name}")
            for receiver in receivers
        ]
    return [task.result() for task in tasks]


async def _try(receiver: ReceiverOptions, client: httpx.AsyncClient, incident: Incident) -> Outcome:
    try:
        notifier = make_notifier(resolved(receiver), lambda: client)
        task = asyncio.create_task(notifier.notify(incident), name=f"notify-{receiver.name}-send")
        done, _ = await asyncio.wait({task}, timeout=_DEADLINE_S)
        if not done:
            task.cancel()
            raise NotifyUnavailable(f"no answer within {_DEADLINE_S:g} s")
        task.result()
    except AgentwatchError as error:
        again = isinstance(error, NotifyUnavailable)
        return Outcome(receiver=receiver.name, kind=receiver.kind, reason=str(error) or "failed", again=again)
    return Outcome(receiver=receiver.name, kind=receiver.kind)


def _print(out: "Console", outcomes: Sequence[Outcome]) -> None:
    lines = [
        [o.receiver, o.kind, f"[red]failed[/]: {escape(o.reason)}" if o.reason else "[green]taken[/]"] for o in outcomes
    ]
    rows(out, ["receiver", "kind", "message"], lines, "no receivers")

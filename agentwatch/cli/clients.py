"""`clients`: who may call the control API; callers come and go without a restart."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from agentwatch.cli.daemon import Daemon, DaemonAddress, daemon_options
from agentwatch.cli.failure import FINE
from agentwatch.cli.operator import operator_options
from agentwatch.cli.output import Format, output_option, rows, show
from agentwatch.cli.printable import escape
from agentwatch.cli.prospect import confirm, yes_option
from agentwatch.cli.wording import DURATION, NAME, moment
from agentwatch.clients import ClientView, Role
from agentwatch.errors import BadRequest

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["clients_command"]


@click.group("clients")
def clients_command() -> None:
    """List, add or revoke callers of the control API: producers, guards, operators, readers."""


@clients_command.command("list")
@daemon_options
@output_option
def clients_list(daemon: DaemonAddress, output: Format) -> int:
    """List who may call, what it may do and where, and when it last did."""
    with Daemon(daemon) as asked:
        found = asked.get("/v1/clients", list[ClientView])
    lines = [
        [escape(c.name), ", ".join(c.roles), escape(_bound(c)), _since(c), moment(c.last_used_at), _until(c)]
        for c in found
    ]
    columns = ["name", "roles", "bound to", "made", "last used", "until"]
    show(found, output, lambda out: rows(out, columns, lines, "nobody may call"))
    return FINE


@clients_command.command("add")
@click.argument("name")
@click.option("--role", "roles", type=click.Choice(get_args(Role)), multiple=True, required=True,
              help="What the caller may do; can be given more than once.")  # fmt: skip
@click.option("--tenant", type=NAME, default=None, help="Bind it to this tenant.")
@click.option("--app", type=NAME, default=None, help="Bind it to this app of the tenant.")
@click.option("--for", "ttl_s", type=DURATION, default=None, metavar="TIME", help="How long it holds (12h, 90d).")
@click.option("--save", "path", type=click.Path(path_type=Path, dir_okay=False), default=None,
              help="Write the token to this new file, for its owner alone, in place of showing it.")  # fmt: skip
@operator_options
@daemon_options
@output_option
def clients_add(
    daemon: DaemonAddress, roles: tuple[str, ...], path: Path | None, output: Format, **asked_for: Any
) -> int:
    """Admit the caller NAME, at once. Its token is drawn here and shown once; the daemon keeps its digest alone."""
    from agentwatch.api.tokens import hash_token, new_token

    token = new_token()
    body = {"roles": list(dict.fromkeys(roles)), "sha256": hash_token(token), **asked_for}
    body = {name: value for name, value in body.items() if value is not None}
    with Daemon(daemon) as asked:
        made = _admit(asked, body, token, path)

    def human(out: "Console") -> None:
        if path is not None:
            out.print(f"{escape(made.name)} may call; its token is in {escape(str(path))}")
            return
        out.print("Give this to the caller; it is not shown again:", style="bold")
        out.print(f"  {token}")

    show({"client": made, **({"file": str(path)} if path is not None else {"token": token})}, output, human)
    return FINE


def _admit(asked: Daemon, body: dict[str, Any], token: str, path: Path | None) -> ClientView:
    """Write the token, where it is to be kept, before it counts; no file is left where the daemon does not take it."""
    with ExitStack() as undone:
        if path is not None:
            _save(path, token)
            undone.callback(path.unlink)
        made = asked.send("POST", "/v1/clients", ClientView, body)
        undone.pop_all()
    return made


@clients_command.command("revoke")
@click.argument("name")
@operator_options
@yes_option
@daemon_options
@output_option
def clients_revoke(daemon: DaemonAddress, name: str, reason: str, author: str, yes: bool, output: Format) -> int:
    """Shut the caller NAME out at once, also where the configuration names it; its open streams end."""
    with Daemon(daemon) as asked:
        confirm(f"revoke {name}?", yes)
        found = asked.send("DELETE", f"/v1/clients/{name}", ClientView, author=author, reason=reason)
    show(found, output, lambda out: out.print(f"{escape(name)} may call no longer"))
    return FINE


def _save(path: Path, token: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise BadRequest(f"{path} is there already", "save") from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(token + "\n")


def _bound(client: ClientView) -> str:
    return f"{client.tenant}/{client.app}" if client.app else client.tenant or "everything"


def _since(client: ClientView) -> str:
    if client.configured:
        return "configuration"
    return f"{moment(client.created_at)} by {escape(client.created_by)}"


def _until(client: ClientView) -> str:
    if client.revoked_at:
        return f"[red]revoked[/] {moment(client.revoked_at)} by {escape(client.revoked_by)}"
    return moment(client.expires_at) if client.expires_at else ""

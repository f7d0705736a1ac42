"""`token`: secrets for callers of the control API."""

from typing import TYPE_CHECKING

import click
import msgspec

from agentwatch.cli.output import Format, output_option, show
from agentwatch.cli.wording import NAME
from agentwatch.errors import BadRequest

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["token_command"]

_ROLES = ("producer", "guard", "operator", "read")


@click.group("token")
def token_command() -> None:
    """Make tokens for the configuration file; `agentwatch clients` admits callers without touching it."""


@token_command.command("new")
@click.argument("name")
@click.option("--role", "roles", type=click.Choice(_ROLES), multiple=True, default=("read",), show_default=True,
              help="What the caller may do; can be given more than once.")  # fmt: skip
@click.option("--tenant", type=NAME, default=None, help="Bind the token to this tenant.")
@click.option("--app", type=NAME, default=None, help="Bind the token to this app of the tenant.")
@output_option
def token_new(name: str, roles: tuple[str, ...], tenant: str | None, app: str | None, output: Format) -> int:
    """Draw a token for the caller NAME: shown once, with the lines of the configuration that hold its digest.

    Nothing is stored here; the token works once its lines are in the configuration and the daemon has reloaded.
    """
    # The API's own module draws and digests, so that the two can never differ.
    from agentwatch.api.options import ApiOptions, TokenOptions, check_options
    from agentwatch.api.tokens import hash_token, new_token

    token = new_token()
    entry = {"name": name, "roles": list(dict.fromkeys(roles)), "sha256": hash_token(token)}
    if tenant:
        entry["tenant"] = tenant
    if app:
        entry["app"] = app
    try:
        check_options(ApiOptions(tokens=(msgspec.convert(entry, TokenOptions),)))
    except msgspec.ValidationError as error:
        raise BadRequest(str(error).partition(" - at")[0], str(error).rpartition("$.")[2].strip("`")) from error
    lines = "[[api.tokens]]\n" + "\n".join(f"{key} = {_toml(value)}" for key, value in entry.items())

    def human(out: "Console") -> None:
        out.print("Give this to the caller; it is not shown again:", style="bold")
        out.print(f"  {token}\n")
        out.print("Put this into agentwatch.toml, then reload:", style="bold")
        out.print(lines, markup=False)

    show({"token": token, "config": entry, "toml": lines}, output, human)
    return 0


def _toml(value: object) -> str:
    # JSON strings and lists of strings are TOML as well.
    return msgspec.json.encode(value).decode()

"""`keys`: the key by which the daemon signs commands, and its public half by which guards believe them."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agentwatch.cli.output import Format, output_option, show
from agentwatch.cli.printable import escape
from agentwatch.errors import BadConfig, BadInput, BadRequest
from agentwatch.signed import key_id, public_line, read_public_line

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["keys_command"]

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("keys")
def keys_command() -> None:
    """Make, show or change the key that signs commands."""


@keys_command.command("new")
@click.argument("file", type=_FILE)
@output_option
def keys_new(file: Path, output: Format) -> int:
    """Draw a key into the new FILE, readable by its owner alone, and print its public half for the guards."""
    public = _draw(file)

    def human(out: "Console") -> None:
        out.print("Name it in agentwatch.toml, then reload:", style="bold")
        out.print(f'\\[signing]\nprivate_key = "file:{escape(str(file.absolute()))}"\n', soft_wrap=True)
        out.print("Give this to guards, as AGENTWATCH_COMMAND_KEYS or in a file of keys:", style="bold")
        out.print(f"  {public}", soft_wrap=True)

    show({"file": str(file), "id": _id(public), "public": public}, output, human)
    return 0


@keys_command.command("show")
@click.argument("file", type=_FILE)
@output_option
def keys_show(file: Path, output: Format) -> int:
    """Show the ids and the public halves of the keys in FILE: a private key, or a file of public ones."""
    text = file.read_text(encoding="utf-8", errors="replace")  # what is none is told below
    if "PRIVATE KEY" in text:
        found = [_public(file)]
    else:
        lines = [words[0] for line in text.splitlines() if (words := line.partition("#")[0].split())]
        found = [public_line(read_public_line(line, str(file))) for line in lines]
    if not found:
        raise BadInput("holds no key", str(file))
    rows = [{"id": _id(public), "public": public} for public in found]

    def human(out: "Console") -> None:
        for row in rows:
            out.print(f"{row['id']}  {row['public']}", soft_wrap=True)

    show(rows, output, human)
    return 0


@keys_command.command("rotate")
@click.argument("file", type=_FILE)
@click.option("--trusted", type=_FILE, default=None, help="The guards' file of public keys, which gets the new one.")
@click.option("--switch", is_flag=True, help="Second step: put the drawn key in FILE's place.")
@output_option
def keys_rotate(file: Path, trusted: Path | None, switch: bool, output: Format) -> int:
    """Change the key in FILE in two steps, between which guards learn to believe the new one.

    The first draws FILE.next and adds its public half to the guards' file. The second, with --switch, puts it in the
    place of FILE, which becomes FILE.<id>.old; reload the daemon then. Guards need the old public key until the longest
    lease of a command that it signed has ended.
    """
    present = _public(file)
    old = _id(present)
    following = file.with_name(file.name + ".next")
    if switch:
        new = _id(_public(following))
        kept = file.with_name(f"{file.name}.{old}.old")
        file.rename(kept)
        following.rename(file)
        words = f"{file} holds key {new} now; reload the daemon. The old key {old} is {kept}"
        show({"id": new, "old": old, "kept": str(kept)}, output, lambda out: out.print(words, markup=False))
        return 0
    public = _draw(following)
    if trusted is not None:
        _trust(trusted, present, public)

    def human(out: "Console") -> None:
        where = f"added to {trusted}" if trusted is not None else "to give to guards"
        out.print(f"{where}: {public}", markup=False, soft_wrap=True)
        out.print(f"once every guard has it: agentwatch keys rotate {file} --switch", markup=False, soft_wrap=True)

    show({"id": _id(public), "old": old, "public": public, "next": str(following)}, output, human)
    return 0


def _trust(trusted: Path, *keys: str) -> None:
    """Add to the guards' file what it does not hold yet: a new file gets the key in force, too, or it would end it."""
    held = trusted.read_text(encoding="utf-8") if trusted.exists() else ""
    with trusted.open("a", encoding="utf-8") as out:
        out.writelines(f"{key}  # {_id(key)}\n" for key in keys if key not in held)


def _draw(file: Path) -> str:
    from agentwatch.service.signing import new_private_key

    pem, public = new_private_key()
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise BadRequest(f"{file} is there already", "file") from error
    with os.fdopen(handle, "wb") as out:
        out.write(pem)
    return public


def _public(file: Path) -> str:
    from agentwatch.service.signing import read_private_key

    key = read_private_key(f"file:{file}", str(file))
    if key is None:
        raise BadConfig("is empty", str(file))
    return public_line(key.public_key().public_bytes_raw())


def _id(public: str) -> str:
    return key_id(read_public_line(public, "public"))

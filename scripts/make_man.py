"""Writes the manual pages, man/*.1, from the command line's own tree: one for agentwatch, one for each verb."""

import re
from collections.abc import Iterator
from typing import Final

import click

from agentwatch import __version__
from agentwatch.cli.root import VERBS, cli

__all__ = ["manual_pages"]

_EXIT: Final = (
    ("0", "fine"),
    ("1", "found something, or did not find what was asked for"),
    ("2", "bad input or configuration"),
    ("3", "the daemon, Redis or a receiver did not answer"),
)
_FILES: Final = (
    ("/etc/agentwatch/agentwatch.toml", "the configuration of the service; every key is in it, explained"),
    ("/etc/agentwatch/policy.d/*.toml", "the policy: what may be done, to whom"),
    ("/var/lib/agentwatch", "state, and the data of the embedded server"),
    ("~/.config/agentwatch/token", "the token of the command line"),
)
_ENVIRONMENT: Final = (
    ("AGENTWATCH_CONFIG", "the configuration file, where no option names one"),
    ("AGENTWATCH_URL, AGENTWATCH_TOKEN, AGENTWATCH_TOKEN_FILE", "the daemon to talk to, and with what right"),
    ("AGENTWATCH_AUTHOR", "who acts, for what is done by hand"),
    ("AGENTWATCH_...", "any key of the configuration: redis.url is AGENTWATCH_REDIS_URL"),
)


def manual_pages() -> dict[str, str]:
    """Give every page by its file name."""
    context = click.Context(cli, info_name="agentwatch", help_option_names=["-h", "--help"])
    found = {"agentwatch.1": _first(context)}
    for verb, (_, words) in VERBS.items():
        command = cli.get_command(context, verb)
        assert command is not None
        inside = click.Context(command, info_name=verb, parent=context)
        parts = [_head(f"agentwatch-{verb}", words), *_command(inside, command, top=True)]
        parts += _list("EXIT STATUS", _EXIT)
        parts += [".SH SEE ALSO", ".BR agentwatch (1)"]
        found[f"agentwatch-{verb}.1"] = "\n".join(parts) + "\n"
    return found


def _first(context: click.Context) -> str:
    parts = [
        _head("agentwatch", (cli.help or "").strip()),
        *_command(context, cli, top=True),
        ".SH VERBS",
    ]
    for verb, (_, words) in VERBS.items():
        parts += [".TP", f".BR agentwatch\\-{_text(verb)} (1)", _text(words)]
    parts += _list("EXIT STATUS", _EXIT) + _list("ENVIRONMENT", _ENVIRONMENT) + _list("FILES", _FILES)
    return "\n".join(parts) + "\n"


def _head(name: str, words: str) -> str:
    short = words.rstrip(".")
    short = short[:1].lower() + short[1:]
    return (
        '.\\" Made from the code by `make docs`; do not edit.\n'
        f'.TH {_text(name.upper())} 1 "" "agentwatch {_text(__version__)}" "User Commands"\n'
        f".SH NAME\n{_text(name)} \\- {_text(short)}"
    )


def _command(context: click.Context, command: click.Command, *, top: bool) -> Iterator[str]:
    """Write one command: synopsis, what it does, its options; then the commands inside it, each under its name."""
    usage = " ".join(command.collect_usage_pieces(context))
    yield ".SH SYNOPSIS" if top else ".PP"
    yield f".B {_text(context.command_path)}"
    yield _text(usage)
    if top:
        yield ".SH DESCRIPTION"
    else:
        yield ".PP"
    yield from _paragraphs(command.help or "")
    options = [record for param in command.get_params(context) if (record := param.get_help_record(context))]
    if options:
        yield ".SH OPTIONS" if top else ".PP"
        for names, help_text in options:
            yield from (".TP", f".B {_text(names)}", _text(help_text))
    if command.epilog:
        yield ".PP"
        yield from _paragraphs(command.epilog)
    if isinstance(command, click.Group) and command is not cli:
        yield ".SH COMMANDS"
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            inside = click.Context(found, info_name=name, parent=context)
            yield f".SS {_text(inside.command_path)}"
            yield from _command(inside, found, top=False)


def _paragraphs(text: str) -> Iterator[str]:
    for at, part in enumerate(re.split(r"\n\s*\n", text.replace("\b", "").strip())):
        if at:
            yield ".PP"
        yield _text(" ".join(part.split()))


def _list(title: str, rows: tuple[tuple[str, str], ...]) -> list[str]:
    return [f".SH {title}", *(line for name, words in rows for line in (".TP", f".B {_text(name)}", _text(words)))]


def _text(text: str) -> str:
    """Keep roff from reading words as its own: backslashes, hyphens that must be copied, leading dots and quotes."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return re.sub(r"^([.'])", r"\\&\1", escaped, flags=re.MULTILINE)

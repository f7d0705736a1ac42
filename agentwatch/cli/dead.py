"""`dead`: entries that could not be read, and the way back for them."""

from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from agentwatch.cli.daemon import Daemon, DaemonAddress, daemon_options
from agentwatch.cli.failure import BAD_INPUT, FINE, FOUND, NotFound
from agentwatch.cli.output import Format, output_option, rows, show
from agentwatch.cli.printable import escape, warn
from agentwatch.cli.prospect import confirm, yes_option
from agentwatch.cli.wording import moment
from agentwatch.counting import counted
from agentwatch.errors import BadRequest
from agentwatch.views import DeadItem, DeadPage, Requeued

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["dead_command"]

_PAGE = 1000


@click.group("dead")
def dead_command() -> None:
    """List, show or put back entries that could not be read."""


@dead_command.command("list")
@click.option("--before", default=None, metavar="POSITION", help="Continue after a page: what its `next` said.")
@click.option("--limit", type=click.IntRange(1, _PAGE), default=50, show_default=True, help="At most so many.")
@daemon_options
@output_option
def dead_list(daemon: DaemonAddress, before: str | None, limit: int, output: Format) -> int:
    """List dead letters, newest first, with the field that is wrong and why."""
    with Daemon(daemon) as asked:
        page = asked.get("/v1/dead", DeadPage, before=before, limit=limit)
    lines = [
        [
            item.position,
            moment(item.letter.at),
            item.letter.entry,
            escape(item.letter.field),
            escape(item.letter.reason),
        ]
        for item in page.items
    ]

    def human(out: "Console") -> None:
        rows(out, ["id", "at", "entry", "field", "reason"], lines, "no dead letters")
        if page.next:
            out.print(f"more: --before {page.next}")

    show(page, output, human)
    return FINE


@dead_command.command("show")
@click.argument("id")
@daemon_options
@output_option
def dead_show(daemon: DaemonAddress, id: str, output: Format) -> int:
    """Show one dead letter with the original."""
    with Daemon(daemon) as asked:
        item = _find(asked, id)
    letter = item.letter

    def human(out: "Console") -> None:
        out.print(f"[bold]{item.position}[/] at {moment(letter.at)}, entry {letter.entry}")
        out.print(f"  {escape(letter.field)}: {escape(letter.reason)}")
        note = ", cut: it cannot be put back" if letter.cut else ""
        out.print(f"  original ({letter.encoding}{note}):")
        for name, value in letter.original.items():
            out.print(f"    {name}: {value}", markup=False)

    show(item, output, human)
    return FINE


@dead_command.command("requeue")
@click.argument("ids", nargs=-1, metavar="[ID]…")
@click.option("--all", "everything", is_flag=True, help="Every one that was not cut.")
@yes_option
@daemon_options
@output_option
def dead_requeue(daemon: DaemonAddress, ids: tuple[str, ...], everything: bool, yes: bool, output: Format) -> int:
    """Put originals back on the events stream, for what a newer version or a mended producer can now have read."""
    if bool(ids) == everything:
        raise BadRequest("name dead letters by ID, or --all", "id")
    with Daemon(daemon) as asked:
        chosen = list(ids) or [item.position for item in _all(asked) if not item.letter.cut]
        if not chosen:
            raise NotFound("no dead letters")
        if everything:
            confirm(f"put {counted(len(chosen), 'entry', 'entries')} back?", yes)
        tried = [_requeued(asked, one) for one in chosen]
    done = [one for one in tried if one is not None]
    lines = [[one.id, one.entry] for one in done]
    show(done, output, lambda out: rows(out, ["id", "is back as"], lines, "nothing"))
    missing = FOUND if everything else BAD_INPUT
    return FINE if len(done) == len(chosen) else missing


def _requeued(asked: Daemon, one: str) -> Requeued | None:
    """Put one back; what is not there any more keeps none of the others."""
    try:
        return asked.send("POST", f"/v1/dead/{quote(one, safe='')}/requeue", Requeued)
    except (NotFound, BadRequest) as error:
        if isinstance(error, BadRequest) and error.field == "token":
            raise
        warn(f"{one}: {error}")
        return None


def _all(asked: Daemon) -> list[DeadItem]:
    found: list[DeadItem] = []
    before = ""
    while True:
        page = asked.get("/v1/dead", DeadPage, before=before, limit=_PAGE)
        found += page.items
        before = page.next
        if not before:
            return found


def _find(asked: Daemon, id: str) -> DeadItem:
    for item in _all(asked):
        if id in (item.position, item.letter.id, item.letter.entry):
            return item
    raise NotFound(f"no dead letter {id!r}")

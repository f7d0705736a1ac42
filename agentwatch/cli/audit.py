"""`audit`: who did what, when and why, and whether the log of it is whole."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec
from msgspec.structs import replace

from agentwatch.audited import AuditPage, AuditRecord, Check, Head, genesis, verify
from agentwatch.cli.daemon import Daemon, DaemonAddress, daemon_options
from agentwatch.cli.failure import FINE, FOUND
from agentwatch.cli.output import Format, output_option, rows, show
from agentwatch.cli.printable import escape
from agentwatch.cli.wording import moment
from agentwatch.counting import counted
from agentwatch.errors import UNREADABLE, BadInput, BadRequest

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["audit_command"]

T = TypeVar("T")
_PAGE = 1000
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("audit")
def audit_command() -> None:
    """Show the audit log, keep a copy of it, or verify it."""


@audit_command.command("show")
@click.option("--last", type=click.IntRange(min=1, max=_PAGE), default=50, show_default=True, help="How many records.")
@daemon_options
@output_option
def audit_show(daemon: DaemonAddress, last: int, output: Format) -> int:
    """Show the newest records: operators' actions, decisions that took effect, changes of policy, keys and callers."""
    found: list[AuditRecord] = []
    with Daemon(daemon) as asked:
        count = partition = 0
        while partition <= count:
            head = asked.get("/v1/audit", AuditPage, partition=partition, limit=1)
            after, count = max(0, head.head.seq - last), head.partitions - 1
            page = asked.get("/v1/audit", AuditPage, partition=partition, after=after, limit=_PAGE)
            found += [msgspec.json.decode(entry.data, type=AuditRecord) for entry in page.entries]
            partition += 1
    found = sorted(found, key=lambda record: (record.at, record.partition, record.seq))[-last:]
    lines = [
        [f"{r.partition}:{r.seq}", moment(r.at), escape(r.who), escape(_what(r)), escape(r.subject), escape(r.reason)]
        for r in found
    ]
    show(found, output, lambda out: rows(out, ["record", "at", "who", "what", "on", "why"], lines, "nothing was done"))
    return FINE


@audit_command.command("export")
@click.argument("file", type=_FILE)
@daemon_options
@output_option
def audit_export(daemon: DaemonAddress, file: Path, output: Format) -> int:
    """Write the whole log into the new FILE, in the form that `audit verify --file` reads."""
    logs = _read(daemon)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise BadRequest(f"{file} is there already", "file") from error
    with os.fdopen(handle, "wb") as out:
        out.write(msgspec.json.format(msgspec.json.encode(logs), indent=1))
    heads = [_text(whole) for whole in logs]
    count = sum(len(whole.entries) for whole in logs)
    told = f"{counted(count, 'record')}, up to {' '.join(heads)}"
    show({"file": str(file), "records": count, "heads": heads}, output, lambda out: out.print(told, markup=False))
    return FINE


@audit_command.command("verify")
@click.option("--file", type=_FILE, default=None, help="Verify an exported log, with no daemon.")
@click.option("--keys", default="", metavar="KEYS",
              help="Public keys (ed25519:…), or file:/path with them; without, no signature is verified.")  # fmt: skip
@click.option("--head", "heads", multiple=True, metavar="HEAD",
              help="A head that it once had, from the daemon's log (`audit_head`); more than once.")  # fmt: skip
@click.option("--remember", type=_FILE, default=None,
              help="Keep the head that was verified here, and hold the log against it the next time.")  # fmt: skip
@daemon_options
@output_option
def audit_verify(
    daemon: DaemonAddress, file: Path | None, keys: str, heads: tuple[str, ...], remember: Path | None, output: Format
) -> int:
    """Find what was changed, removed, moved, added or cut off; exit code 1 where anything was.

    That the end was cut off shows only against a head from elsewhere: --head or --remember.
    """
    logs = _decoded(file, list[AuditPage], "an exported log") if file is not None else _read(daemon)
    known, check = _remembered(remember), _check(keys)
    expected = [_head(text) for text in heads] + [(partition, head) for partition, head in known.items()]
    answers = [_verified(whole, check, expected) for whole in logs] + _missing(logs, expected)
    wrong = [line for answer in answers for line in answer["wrong"]]
    if remember is not None and not wrong:
        _remember(remember, {**known, **{whole.partition: whole.head for whole in logs}})

    def human(out: "Console") -> None:
        for answer in answers:
            for line in answer["wrong"]:
                out.print(f"[red]wrong[/]  partition {answer['partition']}: {escape(line)}")
            if not answer["wrong"]:
                held = counted(answer["records"], "record")
                out.print(f"[green]whole[/]  {held} from {answer['from']}, head {answer['head']}")
        if not keys:
            out.print("signatures were not verified: give --keys")

    show({"signatures": "verified" if keys else "not verified", "logs": answers}, output, human)
    return FOUND if wrong else FINE


def _verified(whole: AuditPage, check: Check | None, expected: list[tuple[int, Head]]) -> dict[str, Any]:
    return {
        "partition": whole.partition,
        "records": len(whole.entries),
        "from": whole.anchor.seq + 1 if whole.anchor is not None else 1,
        "head": _text(whole),
        "wrong": verify(whole, check, [head for partition, head in expected if partition == whole.partition]),
    }


def _missing(logs: list[AuditPage], expected: list[tuple[int, Head]]) -> list[dict[str, Any]]:
    """Find the partitions whose log must be there, by the others' word or by a head of it, and is not."""
    told = {*range(max((whole.partitions for whole in logs), default=1)), *(partition for partition, _ in expected)}
    missing = told - {whole.partition for whole in logs}
    return [{"partition": partition, "wrong": ["its log is missing"]} for partition in sorted(missing)]


def _read(daemon: DaemonAddress) -> list[AuditPage]:
    """Read the logs of all partitions; what is written meanwhile belongs to them."""
    with Daemon(daemon) as asked:
        first = _whole(asked, 0)
        return [first, *(_whole(asked, partition) for partition in range(1, first.partitions))]


def _whole(asked: Daemon, partition: int) -> AuditPage:
    """Read one log to its end. The beginning is as it was at first."""
    pages = list(_pages(lambda after: asked.get("/v1/audit", AuditPage, partition=partition, after=after, limit=_PAGE)))
    entries = tuple(entry for page in pages for entry in page.entries)
    return replace(pages[-1], entries=entries, anchor=pages[0].anchor)


def _pages(ask: Callable[[int], AuditPage]) -> Iterator[AuditPage]:
    after = 0
    while True:
        page = ask(after)
        yield page
        if not page.entries:
            return
        after = page.entries[-1].seq


def _check(keys: str) -> Check | None:
    if not keys:
        return None
    from agentwatch.client.command_keys import command_keys

    return command_keys(keys).reason_of


def _remembered(file: Path | None) -> dict[int, Head]:
    if file is None or not file.exists():
        return {}
    return _decoded(file, dict[int, Head], "what --remember has written")


def _decoded(file: Path, kind: type[T], what: str) -> T:
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except UNREADABLE as error:
        raise BadInput(f"is not {what}: {error}", str(file)) from error


def _remember(file: Path, heads: dict[int, Head]) -> None:
    beside = file.with_name(file.name + ".new")
    beside.write_bytes(msgspec.json.encode({str(partition): head for partition, head in heads.items()}))
    beside.replace(file)


def _head(text: str) -> tuple[int, Head]:
    partition, seq, digest = (*text.split(":"), "", "")[:3]
    if not (partition.isdecimal() and seq.isdecimal()) or len(digest) != len(genesis(0).hash):
        raise BadRequest(f"{text!r} is no head; write PARTITION:N:HASH as the log has it", "head")
    return int(partition), Head(int(seq), digest)


def _text(whole: AuditPage) -> str:
    return f"{whole.partition}:{whole.head.seq}:{whole.head.hash}"


def _what(record: AuditRecord) -> str:
    parts: list[Any] = [record.action, record.target, record.value]
    return " ".join(str(part) for part in parts if part)

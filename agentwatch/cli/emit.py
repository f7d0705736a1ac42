"""`emit`: usage events from files or standard input, to the daemon or straight onto the stream."""

import gzip
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

import click
from msgspec import Struct

from agentwatch.cli.config_file import config_file_option
from agentwatch.cli.daemon import Daemon, DaemonAddress, daemon_options
from agentwatch.cli.failure import BAD_INPUT, FINE
from agentwatch.cli.output import Format, output_option, show
from agentwatch.cli.printable import warn
from agentwatch.counting import counted
from agentwatch.errors import BadEvent
from agentwatch.records import CANARY_TENANT, Entry, Event

if TYPE_CHECKING:
    from agentwatch.ingest.decode import DecodeOptions

__all__ = ["emit_command"]

_READ_BYTES: Final = 256 * 1024
_LINE_BYTES: Final = 16 * 1024 * 1024
_MANY: Final = 1000
_TIMEOUT_S: Final = 10.0


class Refused(Struct, frozen=True, kw_only=True):
    """One line that was not taken: where it is, and why. line: 1-based, in its file."""

    file: str
    line: int
    reason: str


class Sent(Struct, kw_only=True):
    """What became of the lines."""

    read: int = 0
    accepted: int = 0
    refused: int = 0
    first_refused: list[Refused] = []


class Line(Struct, frozen=True):
    """One line as it was read."""

    file: str
    number: int
    raw: bytes


class Sink(Protocol):
    """A way to the events stream: Redis, or a daemon's API."""

    def send(self, lines: Sequence[Line]) -> Sequence[Refused]:
        """Hand lines over, in order; tells those that were refused."""


@click.command("emit")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@click.option("--redis", "redis_url", envvar="AGENTWATCH_REDIS_URL", default=None, metavar="URL",
              help="Put them onto the stream of this Redis, past the control API.")  # fmt: skip
@config_file_option("With --redis, the daemon's configuration file: an event is held to the limits of its `decode`.")
@daemon_options
@output_option
def emit_command(
    daemon: DaemonAddress, files: tuple[Path, ...], redis_url: str | None, path: Path | None, output: Format
) -> int:
    """Send usage events, one JSON object a line, from FILES (.jsonl, .jsonl.gz) or standard input.

    What is read is sent at once, in order. Lines that are no usage event are refused with their field, on either way;
    the rest is sent all the same. Exit code 2 when lines were refused.
    """
    sent = Sent()
    if redis_url is not None:
        from agentwatch.config import read_config

        with closing(StreamSink(redis_url, read_config(path, os.environ).decode)) as sink:
            _send_all(files, sink, sent)
    else:
        with Daemon(daemon) as asked:
            _send_all(files, HttpSink(asked), sent)
    show(sent, output, lambda out: out.print(f"{sent.accepted:,} of {counted(sent.read, 'event')} accepted"))
    for refused in sent.first_refused:
        warn(f"{refused.file}:{refused.line}: {refused.reason}")
    if sent.refused > len(sent.first_refused):
        click.echo(f"… and {sent.refused - len(sent.first_refused)} more", err=True)
    return BAD_INPUT if sent.refused else FINE


def _send_all(files: Sequence[Path], sink: Sink, sent: Sent) -> None:
    for path in files or (Path("-"),):
        for lines in _batches(path):
            refused = sink.send(lines)
            sent.read += len(lines)
            sent.refused += len(refused)
            sent.accepted += len(lines) - len(refused)
            sent.first_refused += refused[: max(0, 20 - len(sent.first_refused))]


def _batches(path: Path) -> Iterator[list[Line]]:
    """Yield what each read brought, so that a live pipe is passed on as it comes."""
    name = "standard input" if str(path) == "-" else str(path)
    number, rest = 0, b""
    with _opened(path) as file:
        while chunk := file.read1(_READ_BYTES):
            *whole, rest = (rest + chunk).split(b"\n")
            if len(rest) > _LINE_BYTES:
                whole, rest = [*whole, rest], b""
            lines = [Line(name, number + at, raw) for at, raw in enumerate(whole, 1) if raw.strip()]
            number += len(whole)
            for start in range(0, len(lines), _MANY):
                yield lines[start : start + _MANY]
    if rest.strip():
        yield [Line(name, number + 1, rest)]


def _opened(path: Path) -> gzip.GzipFile | io.BufferedReader:
    if str(path) == "-":
        return cast("io.BufferedReader", sys.stdin.buffer)
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


class StreamSink:
    """Adds to the partitions' streams what the daemon's own decoder can read within the daemon's limits."""

    def __init__(self, url: str, limits: "DecodeOptions") -> None:
        from agentwatch.client.redis_sink import RedisSink
        from agentwatch.client.redis_url import checked_redis_url
        from agentwatch.ingest.decode import DecodeStats

        self._limits, self._stats = limits, DecodeStats()
        self._sink = RedisSink(checked_redis_url(url, "--redis"), _TIMEOUT_S)

    def send(self, lines: Sequence[Line]) -> Sequence[Refused]:
        """Add the good lines in one round trip; gives the others by field. Raises `StoreUnavailable`."""
        refused: list[Refused] = []
        events: list[Event] = []
        raws: list[bytes] = []
        for line in lines:
            try:
                events.append(self._read(line))
            except BadEvent as error:
                refused.append(Refused(file=line.file, line=line.number, reason=str(error)))
            else:
                raws.append(line.raw)
        self._sink.send(events, raws)
        return refused

    def close(self) -> None:
        """Let the connection go."""
        self._sink.close()

    def _read(self, line: Line) -> Event:
        from agentwatch.ingest.decode import complete, parse

        event = parse(Entry("0-0", line.raw), self._limits, self._stats)
        if event.tenant == CANARY_TENANT:
            raise BadEvent("is reserved for agentwatch's own canary", "tenant")
        complete(event, "0-0", 0.0, None, self._limits, self._stats)
        return event


class _Wrong(Struct, frozen=True):
    """One error of a problem detail about many events. line: 1-based, in the body."""

    field: str = ""
    reason: str = ""
    line: int | None = None


class _Answer(Struct, frozen=True):
    """What the control API says of many events, whether it took all of them or not."""

    detail: str = ""
    accepted: int | None = None
    errors: tuple[_Wrong, ...] = ()


class HttpSink:
    """Posts NDJSON to the control API, which takes the good lines and names the bad ones."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def send(self, lines: Sequence[Line]) -> Sequence[Refused]:
        """Post the lines in one request. Raises `BadRequest` or `Unavailable` where none of them was looked at."""
        body = b"\n".join(line.raw for line in lines) + b"\n"
        answer = self._daemon.post_many("/v1/events", body, "application/x-ndjson", _Answer)
        refused = [
            Refused(
                file=at.file, line=at.number, reason=f"{wrong.field}: {wrong.reason}" if wrong.field else wrong.reason
            )
            for wrong in answer.errors
            for at in (lines[(wrong.line or 1) - 1],)
        ]
        untold = len(lines) - len(refused) - (len(lines) if answer.accepted is None else answer.accepted)
        return refused + [Refused(file=lines[0].file, line=lines[0].number, reason="and others")] * untold

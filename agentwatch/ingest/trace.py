"""Read recorded usage events from files, line by line, plain or gzipped, or from standard input."""

import gzip
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from agentwatch.errors import BadInput

__all__ = ["read_trace"]


def read_trace(paths: Iterable[str | Path], max_line_bytes: int = (1 << 20) + 2) -> Iterator[tuple[int, bytes]]:
    """Yield each line that is not blank with its 1-based number in its file, in the order of the files.

    "-" is standard input; a name that ends in ".gz" is gzipped. A line longer than `max_line_bytes` is yielded cut to
    one byte more, so that the decoder refuses it by its size. Raises `BadInput` naming a file that cannot be read.
    """
    for path in paths:
        try:
            if str(path) == "-":
                yield from _lines(sys.stdin.buffer, max_line_bytes)
            elif str(path).endswith(".gz"):
                with gzip.open(path, "rb") as packed:
                    yield from _lines(packed, max_line_bytes)
            else:
                with Path(path).open("rb") as plain:
                    yield from _lines(plain, max_line_bytes)
        except (OSError, EOFError, zlib.error) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise BadInput(reason, str(path)) from error


def _lines(stream: "IO[bytes] | gzip.GzipFile", max_line_bytes: int) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := stream.readline(max_line_bytes + 1):
        number += 1
        if len(line) > max_line_bytes and not line.endswith(b"\n"):
            _skip(stream)
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.strip():
            yield number, line.rstrip(b"\r\n")


def _skip(stream: "IO[bytes] | gzip.GzipFile") -> None:
    while (rest := stream.readline(1 << 16)) and not rest.endswith(b"\n"):
        pass

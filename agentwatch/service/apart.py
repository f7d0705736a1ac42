"""A state encoded by a child process, which has it as it was at the moment of the fork: the daemon goes on meanwhile.

The child shares the daemon's memory until one of them writes to it. It only encodes and writes to its pipe: it closes
every other file at once, takes no lock that a thread of the daemon may hold, and ends without any clean-up. Without a
reader it ends by itself, so it never outlives the daemon by more than one piece.
"""

import asyncio
import gc
import os
import signal
import struct
import sys
import warnings
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress

from agentwatch.errors import AgentwatchError

__all__ = ["Apart", "ChildFailed", "can_fork"]

_HEAD = struct.Struct("<BQ")
_PIECE, _END, _FAILED = 0, 1, 2
_BUFFER = 1 << 20
_SILENT_S = 60.0  # a child that gives nothing for so long hangs
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class ChildFailed(AgentwatchError):
    """The child ended before it had given everything."""


def can_fork() -> bool:
    """Tell whether a child may go on in a copy of this process; on macOS system libraries forbid it."""
    return sys.platform == "linux"


class Apart:
    """One child. Made by `begin`, read once by `pieces`, which also ends it; `end` ends one that nobody reads."""

    def __init__(self, pid: int, source: int) -> None:
        self._pid = pid
        self._source = source

    @classmethod
    def begin(cls, make: Callable[[], Iterable[bytes]]) -> "Apart":
        """Fork now; the child iterates over what `make` gives. Raises `OSError` where there can be no child."""
        source, sink = os.pipe()
        try:
            with warnings.catch_warnings():
                # from 3.12 on it warns wherever there are threads; see above what the child leaves alone
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
        except OSError:
            os.close(source)
            os.close(sink)
            raise
        if pid == 0:
            _child(make, sink)
        os.close(sink)
        return cls(pid, source)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Give the child's pieces as they come. Raises `ChildFailed` where it does not give all of them."""
        reader = asyncio.StreamReader(limit=_BUFFER)
        source, self._source = self._source, -1
        # owned by the transport from here on
        pipe = os.fdopen(source, "rb", buffering=0)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        try:
            while (piece := await _piece(reader)) is not None:
                yield piece
        finally:
            transport.close()
            await self.end()

    async def end(self) -> None:
        """End the child, if it has not ended, and let the system forget it."""
        pid, self._pid = self._pid, 0
        source, self._source = self._source, -1
        if source >= 0:
            os.close(source)
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            await asyncio.shield(asyncio.to_thread(_reap, pid))


async def _piece(reader: asyncio.StreamReader) -> bytes | None:
    try:
        async with asyncio.timeout(_SILENT_S):
            kind, size = _HEAD.unpack(await reader.readexactly(_HEAD.size))
            piece = await reader.readexactly(size)
    except asyncio.IncompleteReadError as error:
        raise ChildFailed("the child that encodes the state ended before its time") from error
    except TimeoutError as error:
        raise ChildFailed(f"the child that encodes the state gave nothing for {_SILENT_S:.0f} s") from error
    if kind == _FAILED:
        raise ChildFailed(f"the child that encodes the state failed: {piece.decode(errors='replace')}")
    return piece if kind == _PIECE else None


def _reap(pid: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _child(make: Callable[[], Iterable[bytes]], sink: int) -> None:
    """Write the pieces, and never return."""
    try:
        gc.disable()  # it would write to every object, and so copy every page
        signal.set_wakeup_fd(-1)
        for name in _SIGNALS:
            signal.signal(name, signal.SIG_DFL)
        os.closerange(3, sink)
        os.closerange(sink + 1, os.sysconf("SC_OPEN_MAX"))
        try:
            for piece in make():
                _write(sink, _PIECE, piece)
            _write(sink, _END, b"")
        except Exception as error:  # noqa: BLE001  # whatever it is, the daemon is to tell it
            _write(sink, _FAILED, f"{type(error).__name__}: {error}".encode())
    finally:
        os._exit(0)


def _write(sink: int, kind: int, piece: bytes) -> None:
    whole = memoryview(_HEAD.pack(kind, len(piece)) + piece)
    while whole:
        whole = whole[os.write(sink, whole) :]

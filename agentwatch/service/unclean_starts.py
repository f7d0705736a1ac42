"""Remembers in the state directory which starts did not end in good order, and tells when they are too many."""

import contextlib
import os
from pathlib import Path

import msgspec
import structlog

from agentwatch.config import SafeOptions
from agentwatch.counting import counted

__all__ = ["UncleanStarts"]

_log = structlog.get_logger()
_KEPT = 64
_Starts = list[float]


class UncleanStarts:
    """One file of the times of starts, which an orderly end empties. Where it cannot be kept, that is told."""

    def __init__(self, file: Path, options: SafeOptions) -> None:
        self._file = file
        self._options = options

    def begin(self, now: float) -> str:
        """Note a start; says why it must be a safe one, empty where it need not."""
        starts = [at for at in self._read() if 0 <= now - at <= self._options.within_s]
        self._write([*starts, now][-_KEPT:])
        most = self._options.unclean_starts
        if not most or len(starts) < most:
            return ""
        return f"safe mode: {counted(len(starts), 'unclean start')} within {self._options.within_s:g} s"

    def end(self) -> None:
        """Note that the last start ended in good order, or has gone well for long enough."""
        self._write([])

    def _read(self) -> _Starts:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=_Starts)
        except FileNotFoundError:
            return []
        except (OSError, msgspec.MsgspecError) as error:
            _log.warning("starts_unreadable", file=str(self._file), reason=str(error))
            return []

    def _write(self, starts: _Starts) -> None:
        """Write the whole file anew beside the old one, which stays where that fails."""
        fresh = self._file.with_suffix(".new")
        try:
            fresh.write_bytes(msgspec.json.encode(starts))
            os.replace(fresh, self._file)  # noqa: PTH105  # atomic, and the same as Path.replace
        except OSError as error:
            _log.warning("starts_unwritable", file=str(self._file), reason=str(error))
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)

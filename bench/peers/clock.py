"""Counts CPU seconds of what is measured, and keeps it from printing and from collections of garbage."""

import contextlib
import gc
import io
import time
from types import TracebackType

__all__ = ["Clock"]


class Clock:
    """Counts the CPU seconds of this process between entering and leaving, in `spent_s`."""

    def __init__(self) -> None:
        self.spent_s = 0.0
        self._started = 0.0
        self._quiet = contextlib.ExitStack()

    def __enter__(self) -> "Clock":
        """Start; what is printed from here on goes nowhere."""
        gc.disable()
        self._quiet.enter_context(contextlib.redirect_stdout(io.StringIO()))
        self._quiet.enter_context(contextlib.redirect_stderr(io.StringIO()))
        self._started = time.process_time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.spent_s = time.process_time() - self._started
        self._quiet.close()
        gc.enable()

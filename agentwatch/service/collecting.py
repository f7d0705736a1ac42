"""Keeps Python's collector from looking at the same long-lived objects again and again, in which nothing else runs.

A full collection looks at every tracked object. What outlives one that took long is set aside for good: reference
counts free it as before, only its cycles are not looked for any more. So a full collection takes as long as what is new
is large, and not as long as all that is loaded and remembered.
"""

import gc
import time

__all__ = ["Collecting"]

_LONG_S = 0.005  # of CPU: about 25,000 objects, so little of it can be garbage that is in use just then
_FULL = 2


class Collecting:
    """Watches the collector from `begin` to `end`. set_aside: how often it was done."""

    def __init__(self) -> None:
        self._began = 0.0
        self.set_aside = 0

    def begin(self) -> None:
        """Collect once, set aside what is there, and watch from now on."""
        gc.collect()
        gc.freeze()
        gc.callbacks.append(self._told)

    def end(self) -> None:
        """Watch no longer; what was set aside is looked at again."""
        gc.callbacks.remove(self._told)
        gc.unfreeze()

    def _told(self, phase: str, info: dict[str, int]) -> None:
        if info["generation"] < _FULL:
            return
        if phase == "start":
            self._began = time.thread_time()
        elif time.thread_time() - self._began >= _LONG_S:
            gc.freeze()
            self.set_aside += 1

"""Token buckets in memory: how often a caller may call, and how often a throttled subject may."""

from collections import OrderedDict
from collections.abc import Callable

__all__ = ["Rates"]


class Rates:
    """One bucket a key, refilled evenly (the generic cell rate algorithm), at most `bound` of them.

    Beyond the bound the least recently used bucket is forgotten, which lets its key burst once more.
    """

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float], bound: int = 8192) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._bound = bound
        self._due: OrderedDict[str, float] = OrderedDict()
        self.forgotten = 0

    def take(self, key: str, per_s: float | None = None, burst: int | None = None) -> float:
        """Take one permit and answer 0, or take none and answer the seconds until there is one."""
        gap = 1.0 / (self._per_s if per_s is None else per_s)
        room = gap * (self._burst if burst is None else burst)
        now = self._clock()
        due = max(self._due.get(key, now), now) + gap
        if due - now > room + 1e-9:
            return due - now - room
        self._due[key] = due
        self._due.move_to_end(key)
        if len(self._due) > self._bound:
            self._due.popitem(last=False)
            self.forgotten += 1
        return 0.0

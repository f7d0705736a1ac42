"""The limit of calls a minute for one process: the same rule as the script that processes share, without Redis."""

from collections.abc import Mapping

__all__ = ["LocalBucket", "interval_s"]


def interval_s(limit: float) -> float:
    """Tell the seconds between two calls at `limit` calls a minute (above zero)."""
    return 60.0 / limit


class LocalBucket:
    """Lets one call of a subject pass each interval; without a burst, so the first minute keeps to the limit too."""

    def __init__(self) -> None:
        self._next: dict[str, float] = {}

    def take(self, intervals: Mapping[str, float], now: float) -> float:
        """Take a call of every subject at once, or of none: returns 0.0, or the seconds until it is worth asking."""
        self._next = {subject: at for subject, at in self._next.items() if subject in intervals}
        wait = 0.0
        for subject, interval in intervals.items():
            # A limit that was raised meanwhile shortens what is left of the old interval.
            wait = max(wait, min(self._next.get(subject, now), now + interval) - now)
        if wait > 0:
            return wait
        for subject, interval in intervals.items():
            self._next[subject] = now + interval
        return 0.0

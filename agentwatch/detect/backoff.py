"""Whether a call is made again after ever longer pauses: somebody waits for better times, and does not spin."""

from agentwatch.detect.history import History

__all__ = ["backs_off"]

LEAST_S = 2.0  # shorter pauses are how long a turn takes
LONGER = 1.3  # than the pause before, where there is only that one
TWICE = 2.0  # … than the one before it: doubling with a third of jitter gives 2.1 and more
_DIGEST = 8


def backs_off(history: History, call: int, place: int, gap_s: float) -> bool:
    """Tell whether this pause (seconds since the call at `place`) goes on lengthening those before it."""
    if gap_s < LEAST_S:
        return False
    first = _before(history, call, place)
    if first < 0:
        return False
    last_s = history.time_at(place) - history.time_at(first)
    second = _before(history, call, first)
    if second < 0:
        return gap_s >= LONGER * last_s
    return gap_s >= TWICE * (history.time_at(first) - history.time_at(second))


def _before(history: History, call: int, place: int) -> int:
    """Find the same call before a place, or -1."""
    wanted = call.to_bytes(_DIGEST, "little")
    at = history.calls.rfind(wanted, 0, place * _DIGEST)
    while at >= 0 and at % _DIGEST:
        at = history.calls.rfind(wanted, 0, at + _DIGEST - 1)
    return at // _DIGEST

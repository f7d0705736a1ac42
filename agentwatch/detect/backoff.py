"""Whether a call is made again after ever longer pauses, or of a service that is busy: a patient caller."""

from functools import lru_cache

from agentwatch.detect.history import History

__all__ = ["HEAD", "backs_off", "has_slowed", "is_busy"]

_BUSY = frozenset(("429", "502", "503", "504", "529"))  # try again later, as HTTP and the providers put it
_BUSY_WORDS = ("overloaded", "rate limit", "ratelimit", "rate_limit", "too many requests", "unavailable")
HEAD = 200
LEAST_S = 2.0  # shorter pauses are how long a turn takes
LONGER = 1.3  # than the pause before, where there is only that one
RISING = 1.25  # than the one before that, where each is longer than the last
STEEP = 1.5  # … where jitter made one of them shorter; doubling with a third of jitter gives 2.1 and more
JITTER = 0.8
SLOWED = 8.0  # times the first pause: three doublings, after which a back-off may have come to its longest pause


def backs_off(history: History, call: int, place: int, gap_s: float) -> bool:
    """Tell whether this pause (seconds since the call at `place`) goes on lengthening those before it."""
    if gap_s < LEAST_S:
        return False
    first = history.call_before(call, place)
    if first < 0:
        return False
    last_s = history.time_at(place) - history.time_at(first)
    second = history.call_before(call, first)
    if second < 0:
        return gap_s >= LONGER * last_s
    earlier_s = history.time_at(first) - history.time_at(second)
    if earlier_s <= last_s <= gap_s:
        return gap_s >= RISING * earlier_s
    return gap_s >= STEEP * earlier_s and gap_s >= JITTER * last_s


def has_slowed(history: History, call: int, gap_s: float) -> bool:
    """Tell whether this pause is far longer than the first one between such calls: a back-off at its longest pause."""
    first = history.call_from(call, 0)
    second = history.call_from(call, first + 1) if first >= 0 else -1
    return second >= 0 and gap_s >= SLOWED * (history.time_at(second) - history.time_at(first))


@lru_cache(maxsize=1024)
def is_busy(error: str) -> bool:
    """Tell whether the head of an error (`HEAD` characters) says that the other side is busy for now."""
    said = error.lower()
    return any(word in said for word in _BUSY_WORDS) or not _BUSY.isdisjoint(said.replace(":", " ").split())

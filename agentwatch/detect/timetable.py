"""Whether somebody wants a thing again and again: it is on a schedule that is declared, or comes like clockwork.

A check that finds the same each time is an honest one. What tells it from an agent that goes round at leisure is that
its time is kept by a clock, where that of a loop is the time that its model takes.
"""

from agentwatch.detect.state import Scope
from agentwatch.records import Observation

__all__ = ["keeps_time"]

LEAST_S = 60.0  # what comes sooner is at nobody's leisure
BEATS = 5  # gaps in a row that must be alike
UNEVEN = 0.3  # how far the longest may be from the shortest, as a share of their mean: a clock, and 20 s of a model


def keeps_time(seen: Observation, scope: Scope) -> bool:
    """Tell whether an event is a beat: of a declared schedule, or a call at even intervals of a minute or more."""
    if seen.event.trigger == "schedule" or scope.run.rare.interval_s:
        return True
    call, history = scope.reading.call, scope.history
    if not call:
        return False
    gaps: list[float] = []
    later, place = seen.now, history.window
    while len(gaps) < BEATS:
        place = history.call_before(call, place)
        if place < 0:
            return False
        earlier = history.time_at(place)
        if later - earlier < LEAST_S:
            return False
        gaps.append(later - earlier)
        later = earlier
    return max(gaps) - min(gaps) <= UNEVEN * sum(gaps) / BEATS

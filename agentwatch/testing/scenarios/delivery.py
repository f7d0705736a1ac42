"""How the events of a stage reach agentwatch: merged by time, and as badly as the stage says."""

from msgspec.structs import replace

from agentwatch.records import Event
from agentwatch.testing.scenarios.stage import Stage

__all__ = ["deliver"]


def deliver(stage: Stage) -> list[Event]:
    """Give the events in the order of delivery, with the stage's share of them sent twice, swapped or misdated."""
    rng = stage.write.rng
    events = sorted(stage.events, key=lambda event: event.ts)
    if stage.skew_s:
        events = [replace(event, ts=round(event.ts + rng.uniform(-stage.skew_s, stage.skew_s), 3)) for event in events]
    at = 0
    while stage.swapped and at + 1 < len(events):
        if rng.random() < stage.swapped:
            events[at], events[at + 1] = events[at + 1], events[at]
            at += 1
        at += 1
    if not stage.twice:
        return events
    delivered: list[Event] = []
    again: list[tuple[int, Event]] = []
    for event in events:
        delivered.append(event)
        if rng.random() < stage.twice:
            again.append((len(delivered) + rng.randint(0, 6), event))
        while again and again[0][0] <= len(delivered):
            delivered.append(again.pop(0)[1])
    return delivered + [event for _, event in again]

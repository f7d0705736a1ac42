"""Loops that reach agentwatch misdated, twice or out of order."""

from agentwatch.testing.scenarios.scenario import loop
from agentwatch.testing.scenarios.stage import Stage

__all__ = ["SCENARIOS"]


def _loop(stage: Stage) -> None:
    player = stage.player().begin(stage.place.task(stage.write))
    player.work(stage.prelude())
    calls = [stage.place.lookup(stage.write) for _ in range(stage.write.number(1, 3))]
    for at in range(stage.write.number(18, 30)):
        if at >= len(calls):
            stage.mark()
        player.turn(calls[at % len(calls)])


def clock_skew(stage: Stage) -> None:
    """Date the events by clocks that differ by seconds."""
    _loop(stage)
    stage.skew_s = stage.write.number(2, 40)


def delivered_twice(stage: Stage) -> None:
    """Deliver a third of the events twice."""
    _loop(stage)
    stage.twice = 0.35


def delivered_reordered(stage: Stage) -> None:
    """Deliver a quarter of the events after their successor."""
    _loop(stage)
    stage.swapped = 0.25


SCENARIOS = (
    loop(clock_skew, "a round of calls, dated by clocks that differ", "repeat", "cycle"),
    loop(delivered_twice, "a round of calls, a third delivered twice", "repeat", "cycle"),
    loop(delivered_reordered, "a round of calls, a quarter out of order", "repeat", "cycle"),
)

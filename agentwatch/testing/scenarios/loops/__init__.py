"""The shapes of loops, one family a file."""

from agentwatch.testing.scenarios.loops import (
    contexts,
    delivered,
    exchange,
    failing,
    noise,
    polling,
    restarts,
    rounds,
    same_call,
    screens,
    slow,
    spawning,
    talk,
)
from agentwatch.testing.scenarios.scenario import Scenario

__all__ = ["LOOPS"]

_FAMILIES = (
    *(same_call, noise, rounds, failing, polling, slow, restarts),
    *(spawning, exchange, talk, contexts, screens, delivered),
)
LOOPS: tuple[Scenario, ...] = tuple(scenario for family in _FAMILIES for scenario in family.SCENARIOS)

"""What only looks like a loop, one family a file."""

from agentwatch.testing.scenarios.scenario import Scenario
from agentwatch.testing.scenarios.twins import (
    batches,
    crews,
    habits,
    meetings,
    polls,
    rounds,
    schedules,
    sessions,
    terminals,
)

__all__ = ["TWINS"]

_FAMILIES = (polls, batches, sessions, habits, schedules, crews, meetings, rounds, terminals)
TWINS: tuple[Scenario, ...] = tuple(scenario for family in _FAMILIES for scenario in family.SCENARIOS)

"""Seeded scenarios: shapes of loops, and benign twins that only look like them, as usage events.

Use `scenario("repeat_exact").make(seed, form, pace)`; `LOOPS`, `TWINS` and `SCENARIOS` list them all.
"""

from agentwatch.testing.scenarios.forms import FORMS, in_form
from agentwatch.testing.scenarios.loops import LOOPS
from agentwatch.testing.scenarios.scenario import Form, Pace, Played, Scenario
from agentwatch.testing.scenarios.twins import TWINS

__all__ = ["FORMS", "LOOPS", "SCENARIOS", "TWINS", "Form", "Pace", "Played", "Scenario", "in_form", "scenario"]

SCENARIOS: tuple[Scenario, ...] = LOOPS + TWINS
_BY_NAME = {one.name: one for one in SCENARIOS}


def scenario(name: str) -> Scenario:
    """Find a scenario by its name; raises KeyError."""
    return _BY_NAME[name]

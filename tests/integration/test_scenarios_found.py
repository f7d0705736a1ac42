"""A few seeds of every scenario, through the shipped rules: loops are found, and nobody innocent is stopped.

The whole measurement, forty seeds a scenario and three forms, is `python -m bench.scenarios`; it keeps a floor for each
figure. What stands here is what a few seeds can tell.
"""

import pytest

from agentwatch.config import Config
from agentwatch.service.composing import make_rulebook
from agentwatch.testing.scenarios import SCENARIOS
from agentwatch.testing.scenarios.judging import Outcome, judge

pytestmark = pytest.mark.slow

SEEDS = (0, 3)
FOUND = 0.8
WARNED = 0.06


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    config = Config()
    rulebook = make_rulebook(config, {})
    forms = {0: ("text",), 3: ("sketch",)}
    return [one for seed in SEEDS for each in SCENARIOS for one in judge(each, seed, forms[seed], config, rulebook)]


def test_loops_are_found(outcomes):
    loops = [one for one in outcomes if one.loop]
    missed = [(one.name, one.seed) for one in loops if "warn" not in one.hits]
    assert len(missed) <= (1.0 - FOUND) * len(loops), missed


def test_nobody_innocent_is_killed(outcomes):
    assert [(one.name, one.seed, one.kinds) for one in outcomes if "kill" in one.strays] == []


def test_hardly_a_twin_is_warned(outcomes):
    twins = [one for one in outcomes if not one.loop]
    accused = [(one.name, one.seed, one.kinds) for one in twins if one.strays]
    assert len(accused) <= WARNED * len(twins), accused


def test_no_loop_is_accused_before_it_begins_and_no_bystander_with_it(outcomes):
    loops = [one for one in outcomes if one.loop]
    assert sum(one.early or bool(one.strays) for one in loops) <= 0.02 * len(loops)

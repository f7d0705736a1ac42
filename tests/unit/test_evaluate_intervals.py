"""Intervals: seeded, by run, exact where a rate is 0 or 1, and as wide as they should be."""

import random

import pytest

from agentwatch.evaluate.intervals import Bootstrap, intervals
from agentwatch.evaluate.judging import Judged, Rise
from agentwatch.evaluate.labels import Label
from agentwatch.evaluate.scoring import score


def loop(found, delay=2):
    label = Label(run="r", loop=True, onset=10)
    return Judged(label, late=Rise(10 + delay, "repeat") if found else None)


def benign(accused):
    return Judged(Label(run="r", loop=False), early=Rise(3, "repeat") if accused else None)


def test_equal_seeds_give_equal_intervals():
    runs = [loop(at % 3 > 0, at % 5) for at in range(30)] + [benign(at == 0) for at in range(40)]
    assert intervals(runs, Bootstrap(seed=1)) == intervals(runs, Bootstrap(seed=1))
    assert intervals(runs, Bootstrap(seed=1)) != intervals(runs, Bootstrap(seed=2))


def test_a_rate_lies_within_its_interval():
    runs = [loop(at % 3 > 0, at % 5) for at in range(30)] + [benign(at < 4) for at in range(40)]
    found = score(runs, Bootstrap())
    for name in ("recall", "precision", "f1", "false_alarm_rate", "delay_median"):
        low, high = found.between[name]
        assert low <= getattr(found, name) <= high, name
        assert low < high, name


def test_extremes_have_the_exact_bound_and_not_an_interval_of_no_width():
    found = intervals([loop(True) for _ in range(10)] + [benign(False) for _ in range(300)], Bootstrap())
    assert found["recall"] == (pytest.approx(0.025 ** (1 / 10), abs=1e-6), 1.0)
    assert found["false_alarm_rate"] == (0.0, pytest.approx(1 - 0.025 ** (1 / 300), abs=1e-6))
    assert intervals([loop(False) for _ in range(10)], Bootstrap())["recall"][0] == 0.0


def test_a_few_runs_have_no_interval():
    assert intervals([loop(True)] * 4, Bootstrap()) == {}


def test_nineteen_of_twenty_intervals_hold_the_true_rate():
    draw = random.Random(5)
    held = 0
    for seed in range(120):
        runs = [loop(draw.random() < 0.7) for _ in range(60)]
        low, high = intervals(runs, Bootstrap(samples=200, seed=seed))["recall"]
        held += low <= 0.7 <= high
    assert held >= 106  # 114 expected; fewer than this by chance once in a thousand times

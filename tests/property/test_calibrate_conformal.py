"""What conformal prediction promises, checked exactly: whichever run is left out, few enough of them are accused.

Leaving each of n + 1 runs out in turn is what exchangeability means, so the share that is accused is no estimate: it
may not be above the rate for any scores at all, ties included.
"""

import math
from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from agentwatch.calibrate import needed, quantile, rank, split, thresholds, within

RATES = st.integers(2, 40).map(lambda n: Fraction(1, n)) | st.fractions(Fraction(1, 30), Fraction(1, 2))
FLOORS = {"repeat": 3.0, "monologue": 3.0, "cycle": 3.0, "context": 8.0}
WEIGHTS = st.sampled_from((0.0, 2.99, 3.0, 3.01, 4.5, 6.0)) | st.floats(0, 40)
RUNS = st.dictionaries(st.sampled_from(sorted(FLOORS)), WEIGHTS)


@settings(max_examples=60)
@given(st.data(), RATES)
def test_a_left_out_score_is_above_the_quantile_as_seldom_as_promised(data: st.DataObject, rate: Fraction) -> None:
    count = needed(rate) + data.draw(st.integers(0, 8))
    scores = data.draw(st.lists(st.integers(0, 9).map(float) | st.floats(0, 9), min_size=count + 1, max_size=count + 1))
    above = sum(score > quantile([*scores[:at], *scores[at + 1 :]], rate) for at, score in enumerate(scores))
    assert above <= rate * len(scores)


@settings(max_examples=40)
@given(st.data(), RATES, st.lists(RUNS, max_size=6))
def test_all_detectors_together_accuse_as_few_left_out_runs_as_promised(
    data: st.DataObject, rate: Fraction, shape: list[dict[str, float]]
) -> None:
    count = needed(rate) + data.draw(st.integers(0, 4))
    runs = data.draw(st.lists(RUNS, min_size=count + 1, max_size=count + 1))
    accused = 0
    for at, run in enumerate(runs):
        found, _, _ = thresholds(FLOORS, shape, [*runs[:at], *runs[at + 1 :]], rate)
        accused += any(reached >= found[kind] for kind, reached in run.items())
    assert accused <= rate * len(runs)


@settings(max_examples=40)
@given(st.lists(RUNS, min_size=9, max_size=30), st.lists(RUNS, max_size=6))
def test_no_threshold_is_below_its_floor_and_quiet_runs_change_none(
    runs: list[dict[str, float]], shape: list[dict[str, float]]
) -> None:
    found, scales, t = thresholds(FLOORS, shape, runs, Fraction(1, 10))
    for kind, floor in FLOORS.items():
        assert found[kind] >= floor
        assert scales[kind] >= floor
        assert found[kind] > t * scales[kind] or found[kind] == floor
    quiet = [{kind: min(weight, FLOORS[kind] - 0.01) for kind, weight in run.items()} for run in runs]
    assert thresholds(FLOORS, shape, quiet, Fraction(1, 10))[0] == FLOORS


@given(RATES)
def test_as_many_scores_are_needed_as_the_rank_says(rate: Fraction) -> None:
    least = needed(rate)
    assert rank(least, rate) <= least
    assert least == 0 or rank(least - 1, rate) > least - 1
    assert quantile([1.0] * (least - 1), rate) == math.inf if least > 0 else True


def test_a_rate_of_one_in_a_hundred_takes_ninety_nine_scores() -> None:
    assert needed(Fraction("0.01")) == 99
    assert needed(Fraction("0.05")) == 19


@given(st.integers(0, 5000), RATES)
def test_the_split_uses_every_run_once_and_calibrates_before_it_shapes(runs: int, rate: Fraction) -> None:
    found = split(runs, rate)
    assert found.shape + found.calibrate + found.check == runs
    assert found.check == runs // 2
    assert found.shape == 0 or found.calibrate >= needed(rate)
    assert found.shape * 3 <= found.shape + found.calibrate


@given(st.integers(1, 400))
def test_intervals_hold_the_share_and_move_with_it(of: int) -> None:
    bounds = [within(hits, of) for hits in range(of + 1)]
    for hits, (low, high) in enumerate(bounds):
        assert 0.0 <= low <= hits / of + 1e-12
        assert hits / of - 1e-12 <= high <= 1.0
    assert all(a[0] <= b[0] and a[1] <= b[1] for a, b in pairwise(bounds))

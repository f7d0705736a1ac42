"""How thresholds follow from scores: which runs set them, along which line they rise, and how they are written.

All thresholds rise together along one line: at t the threshold of a detector is t times its scale, and never below its
floor. A run's score is the least t at which no detector warns of it, one number for all of them, and the conformal
quantile of these numbers is the t that is taken. The scales are what the detectors reached in runs of their own, and
the floor where that was less: a detector that is known to be noisy rises further. Without such runs all rise alike.
"""

import math
import random
from collections.abc import Mapping, Sequence
from fractions import Fraction

from agentwatch.calibrate.conformal import needed, quantile, split
from agentwatch.calibrate.scoring import CALIBRATED, RunKey
from agentwatch.counting import counted
from agentwatch.detect.options import DetectOptions, merge
from agentwatch.errors import BadInput

__all__ = ["FINE", "Reached", "divide", "lowered", "threshold_of", "thresholds"]

Reached = Mapping[str, float]
FINE = 100.0  # thresholds are written with two digits
_TIGHTEST = 0.5  # of the threshold in force: a detector that never spoke would else warn at its first word
# No option takes less, whatever half of it is.
_LEAST = {"cycle": 2.0, "restart": 1.5, "degenerate": 2.0}


def threshold_of(options: DetectOptions, kind: str) -> float:
    """Give the threshold in force of a calibrated detector."""
    return float(getattr(getattr(options, kind), CALIBRATED[kind]))


def divide(runs: Sequence[RunKey], rate: Fraction, seed: int) -> tuple[list[RunKey], list[RunKey], list[RunKey]]:
    """Draw which runs give scales, which the quantile, and which check. Raises `BadInput` for too few."""
    shares = split(len(runs), rate)
    if shares.calibrate < needed(rate):
        least = needed(rate)
        raise BadInput(
            f"{counted(len(runs), 'run is', 'runs are')} too few for a false-alarm rate of {float(rate):g} a run: "
            f"that takes {least} to "
            f"calibrate and as many to check, {2 * least} in all; with these the lowest rate is "
            f"{1 / ((len(runs) + 1) // 2 + 1):.3g}",
            "GOOD_RUNS",
        )
    drawn = sorted(runs)
    random.Random(seed).shuffle(drawn)  # noqa: S311  # a split that can be repeated, not a secret
    first, second = shares.shape, shares.shape + shares.calibrate
    return drawn[:first], drawn[first:second], drawn[second:]


def thresholds(
    floors: Mapping[str, float],
    shape: Sequence[Reached],
    scores: Sequence[Reached],
    rate: Fraction,
) -> tuple[dict[str, float], dict[str, float], float]:
    """Give each detector's threshold, its scale, and the quantile t, all from how far the detectors got in the runs.

    A detector warns where it gets as far as its threshold, so one that must not warn lies above what was reached.
    """
    scales = {kind: max([floor, *(run.get(kind, 0.0) for run in shape)]) for kind, floor in floors.items()}
    t = quantile([_score(run, floors, scales) for run in scores], rate)
    return {kind: _above(t * scales[kind], floor, kind) for kind, floor in floors.items()}, scales, t


def _score(run: Reached, floors: Mapping[str, float], scales: Mapping[str, float]) -> float:
    """Give the least t at which no detector warns of the run; nothing where none does at its floor."""
    return max((run[kind] / scales[kind] for kind, floor in floors.items() if run.get(kind, 0.0) >= floor), default=0.0)


def _above(reached: float, floor: float, kind: str) -> float:
    """Give the next threshold above what was reached, in whole rounds or hundredths; the floor where that is higher."""
    if reached < floor:
        return floor
    if CALIBRATED[kind] != "warn":
        return float(math.floor(reached + 1e-9) + 1)
    return (math.floor(reached * FINE + 1e-9) + 1) / FINE


def lowered(options: DetectOptions, tighten: bool) -> DetectOptions:
    """Give the floors: the thresholds in force, or half of them where they may become lower, too."""
    if not tighten:
        return options
    tables: dict[str, dict[str, object]] = {}
    for kind, name in CALIBRATED.items():
        half = max(_LEAST.get(kind, 0.0), threshold_of(options, kind) * _TIGHTEST)
        tables[kind] = {name: half if name == "warn" else math.ceil(half)}
    return merge(options, tables)

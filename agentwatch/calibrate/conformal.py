"""Split conformal prediction (Papadopoulos 2002; Vovk, Gammerman and Shafer 2005), all of it pure and exact.

Of n scores that were not used for anything else, the k-th smallest with k = ceil((n + 1)(1 - rate)) is exceeded by the
score of one more run with a probability of at most `rate`, whatever the scores' distribution, as long as the runs are
exchangeable: drawn alike, in no order that matters. That takes k <= n, which is n >= ceil(1 / rate) - 1.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from msgspec import Struct

__all__ = ["Split", "needed", "quantile", "rank", "split", "within"]

_Z: Final = 1.959963984540054  # of 95 %
_SHAPE: Final = 3  # at most a third of the calibration half tells only which detectors are noisy


class Split(Struct, frozen=True):
    """How many runs do what: tell the detectors' scales, give the quantile, and check what came of it."""

    shape: int
    calibrate: int
    check: int


def needed(rate: Fraction) -> int:
    """Tell of how many scores at least a quantile at this rate can be taken."""
    return math.ceil(1 / rate) - 1


def rank(count: int, rate: Fraction) -> int:
    """Tell which smallest of so many scores is the quantile; more than `count` where there is none."""
    return math.ceil((count + 1) * (1 - rate))


def split(runs: int, rate: Fraction) -> Split:
    """Divide the runs: half of them check. Of the other half a quantile's worth calibrates before any give scales.

    The division depends on the number of runs alone, never on their scores, or the guarantee would not hold. With too
    few runs `calibrate` is less than `needed`.
    """
    half = (runs + 1) // 2
    shape = max(0, min(half - needed(rate), half // _SHAPE))
    return Split(shape, half - shape, runs - half)


def quantile(scores: Sequence[float], rate: Fraction) -> float:
    """Give the score that one more exceeds with a probability of at most `rate`; infinite for too few scores."""
    place = rank(len(scores), rate)
    return sorted(scores)[place - 1] if place <= len(scores) else math.inf


def within(hits: int, of: int) -> tuple[float, float]:
    """Give the 95 % interval of a rate that was seen (Wilson 1927)."""
    if of == 0:
        return 0.0, 1.0
    share, square = hits / of, _Z * _Z
    centre = (share + square / (2 * of)) / (1 + square / of)
    reach = _Z / (1 + square / of) * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    return max(0.0, centre - reach), min(1.0, centre + reach)

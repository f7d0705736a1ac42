"""Chooses factors on the detectors' warnings by what some labelled runs were heard to say in one replay.

Which run would have been found or accused under other warnings is read off the strengths that the replay recorded, with
the ladder's first two steps; so thousands of choices cost one replay. What a choice is worth is then measured by a
replay with it, never taken from here.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from agentwatch.evaluate.labels import Label
from agentwatch.evaluate.probing import THRESHOLDS
from agentwatch.evaluate.recording import Heard

__all__ = ["GRID", "Factors", "Flags", "Strengths", "fit"]

GRID: Final = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.3, 1.5, 2.0)
MOST_BENIGN: Final = 0.01  # of the benign runs that are fitted on may be warned
_THROTTLE_AT = 0.34  # of the way from warning to kill: where a run that was accused too early rises again

Factors = dict[str, float]
Flags = NDArray[np.bool_]


class Guess(Struct, frozen=True):
    """What would have become of each run: found (a loop), early (a loop accused before its onset), accused (benign)."""

    found: Flags
    early: Flags
    accused: Flags


class Strengths:
    """How strong each detector's evidence was at each event of each labelled run, in units of its warning."""

    def __init__(self, labels: Sequence[Label], heard: Mapping[str, Sequence[Heard]]) -> None:
        rows = [
            (place, one.kind, one.strength, one.kill_at, one.position >= label.onset - 1)
            for place, label in enumerate(labels)
            for one in heard.get(label.run, ())
            if one.kind in THRESHOLDS
        ]
        self.labels = labels
        self.kinds = sorted({kind for _, kind, *_ in rows})
        numbers = {kind: number for number, kind in enumerate(self.kinds)}
        self._run = np.array([row[0] for row in rows], dtype=int)
        self._kind = np.array([numbers[row[1]] for row in rows], dtype=int)
        self._strength = np.array([row[2] for row in rows], dtype=float)
        self._kill = np.array([row[3] for row in rows], dtype=float)
        self._late = np.array([row[4] for row in rows], dtype=bool)
        self._loop = np.array([label.loop for label in labels], dtype=bool)

    def guess(self, factors: Mapping[str, float]) -> Guess:
        """Tell what would have become of each run with the warnings moved by these factors."""
        warn = np.array([factors.get(kind, 1.0) for kind in self.kinds], dtype=float)[self._kind]
        fired = self._strength >= warn
        again = self._strength >= warn + _THROTTLE_AT * (self._kill - warn)
        late = self._any(fired & self._late)
        early = self._any(fired & ~self._late) & self._loop
        found = late & self._loop & (~early | self._any(again & self._late))
        return Guess(found, early, self._any(fired) & ~self._loop)

    def _any(self, rows: Flags) -> Flags:
        return np.bincount(self._run[rows], minlength=len(self.labels)) > 0


def fit(strengths: Strengths, chosen: Flags) -> Factors:
    """Choose factors by the runs that are `chosen`, by place.

    First one factor for all detectors that said anything, then another for each detector in turn, by its name. Of those
    with at most 1 % of the benign runs warned the one with most loops found is taken; among equals the one with fewest
    false alarms, then the one nearest to what is given. Where none keeps to 1 %, the one that warns fewest is.
    """
    benign = int(np.count_nonzero(chosen & ~np.array([label.loop for label in strengths.labels], dtype=bool)))

    def merit(factors: Factors) -> tuple[float, int, int, float]:
        guess = strengths.guess(factors)
        accused = int(np.count_nonzero(guess.accused & chosen))
        found = int(np.count_nonzero(guess.found & chosen))
        early = int(np.count_nonzero(guess.early & chosen))
        distance = sum(abs(math.log(factor)) for factor in factors.values())
        return (-max(0.0, accused - MOST_BENIGN * benign), found, -accused - early, -distance)

    best = max((dict.fromkeys(strengths.kinds, factor) for factor in GRID), key=merit)
    for kind in strengths.kinds:
        best = max(({**best, kind: factor} for factor in GRID), key=merit)
    return {kind: factor for kind, factor in best.items() if factor != 1.0}

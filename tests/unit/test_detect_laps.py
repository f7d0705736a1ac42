"""Runs of equal steps at each lag, against what they are by definition."""

import random

from agentwatch.detect.cycle import MAX_LAG, SYMBOLS, _append
from agentwatch.detect.history import Laps


def test_runs_of_lags_are_counted_as_if_each_lag_were_looked_at():
    draw = random.Random(3)
    for _ in range(60):
        laps, seen, counts = Laps(), [], [0] * (MAX_LAG + 1)
        for _ in range(40):
            symbol = draw.randrange(1, 4)
            for _ in range(draw.choice((1, 1, 2, 9, 50))):
                window = seen[-SYMBOLS:]
                met = symbol in window[-MAX_LAG:]
                counts = [
                    min(255, counts[lag] + 1) if 0 < lag <= len(window) and window[-lag] == symbol else 0
                    for lag in range(MAX_LAG + 1)
                ]
                _append(laps, symbol)
                seen.append(symbol)
                assert list(laps.runs) == (counts if met else [])

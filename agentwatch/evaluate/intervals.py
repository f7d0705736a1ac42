"""How far a rate that was measured on some runs may be off: a bootstrap over runs, and an exact bound for extremes.

Runs are drawn anew with replacement (Efron 1979), as a whole, since the events of one run are no independent witnesses.
What never happened in the sample never happens in a redrawn one either; there the bound is that of Clopper and Pearson
(1934), which for none of n is 1 - a^(1/n).
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from agentwatch.evaluate.judging import Judged

__all__ = ["LEAST", "Bootstrap", "Interval", "intervals"]

LEAST: Final = 5  # runs; an interval of fewer says nothing

Interval = tuple[float, float]


class Bootstrap(Struct, frozen=True, kw_only=True):
    """samples: how often the runs are drawn anew; level: share of the draws that lie between."""

    samples: int = 1000
    seed: int = 0
    level: float = 0.95


def intervals(judged: Sequence[Judged], options: Bootstrap) -> dict[str, Interval]:
    """Give the intervals of recall, precision, F1, the share of benign runs accused, and the median delays."""
    import numpy as np

    if len(judged) < LEAST or options.samples < 1:
        return {}
    size = len(judged)
    rng = np.random.default_rng(options.seed)
    rows = rng.integers(size, size=(options.samples, size)) + np.arange(options.samples)[:, None] * size
    drawn = np.bincount(rows.ravel(), minlength=options.samples * size).reshape(options.samples, size).astype(float)
    loop = np.array([one.label.loop for one in judged], dtype=float)
    found = np.array([one.late is not None for one in judged], dtype=float)
    false = np.array([one.early is not None for one in judged], dtype=float)
    loops, benign, hits, alarms = drawn @ loop, drawn @ (1 - loop), drawn @ found, drawn @ false
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = {
            "recall": hits / loops,
            "precision": hits / (hits + alarms),
            "f1": 2 * hits / (hits + alarms + loops),
            "false_alarm_rate": drawn @ (false * (1 - loop)) / benign,
        }
        for name, values in _delays(judged).items():
            at = np.array([place for place, _ in values])
            delays = np.array([delay for _, delay in values])
            weights = np.cumsum(drawn[:, at], axis=1)
            half = np.argmax(weights >= weights[:, -1:] / 2, axis=1)
            rates[name] = np.where(weights[:, -1] > 0, delays[half], np.nan)
    tail = (1.0 - options.level) / 2
    given = {name: values[np.isfinite(values)] for name, values in rates.items()}
    spread = {
        name: (round(float(np.quantile(values, tail)), 6), round(float(np.quantile(values, 1 - tail)), 6))
        for name, values in given.items()
        if len(values) >= options.samples // 2
    }
    if not found.any():
        spread.pop("f1", None)  # it is 0 in every draw, and no exact bound is known
    return {**spread, **_extremes(judged, tail)}


def _delays(judged: Sequence[Judged]) -> dict[str, list[tuple[int, float]]]:
    """List the delays of each unit with the places of their runs, smallest first; none: no entry."""
    found = [(place, one) for place, one in enumerate(judged) if one.late is not None]
    told = {
        "delay_median": [(place, float(one.delay)) for place, one in found],
        "delay_s_median": [(place, one.delay_s) for place, one in found if one.delay_s is not None],
        "delay_usd_median": [(place, one.delay_usd) for place, one in found if one.delay_usd is not None],
    }
    return {name: sorted(values, key=lambda pair: pair[1]) for name, values in told.items() if values}


def _extremes(judged: Sequence[Judged], tail: float) -> dict[str, Interval]:
    """Give the exact intervals of rates that are 0 or 1 in the sample."""
    loops = [one for one in judged if one.label.loop]
    benign = [one for one in judged if not one.label.loop]
    found = sum(one.late is not None for one in loops)
    alarms = sum(one.early is not None for one in judged)
    accused = sum(one.early is not None for one in benign)
    counts = {
        "recall": (found, len(loops)),
        "precision": (found, found + alarms),
        "false_alarm_rate": (accused, len(benign)),
    }
    exact: dict[str, Interval] = {}
    for name, (count, of) in counts.items():
        if of and count == 0:
            exact[name] = (0.0, round(1.0 - tail ** (1.0 / of), 6))
        elif of and count == of:
            exact[name] = (round(tail ** (1.0 / of), 6), 1.0)
    return exact

"""Counts and rates of a group of judged runs, with how far they may be off."""

import math
from collections.abc import Sequence
from statistics import median

from msgspec import Struct
from msgspec.structs import replace

from agentwatch.evaluate.intervals import Bootstrap, Interval, intervals
from agentwatch.evaluate.judging import Judged, Rise

__all__ = ["Score", "by_kind", "kinds", "score"]


class Score(Struct, frozen=True, kw_only=True):
    """Counts and rates of one group of runs at one level.

    early: loops with a rise before their onset; they are among the false alarms. false_alarm_rate: share of the benign
    runs that were accused. Delays are counted from the onset, in events of the run, seconds of its clock, and dollars
    that it spent. between: intervals of the rates, by name.
    """

    loops: int = 0
    benign: int = 0
    found: int = 0
    early: int = 0
    false_alarms: int = 0
    precision: float = 0.0
    recall: float = 0.0
    f1: float = 0.0
    false_alarm_rate: float = 0.0
    delay_median: float | None = None
    delay_p90: float | None = None
    delay_s_median: float | None = None
    delay_s_p90: float | None = None
    delay_usd_median: float | None = None
    delay_usd_p90: float | None = None
    between: dict[str, Interval] = {}


def score(judged: Sequence[Judged], bootstrap: Bootstrap | None = None) -> Score:
    """Score a group; with `bootstrap` say how far its rates may be off."""
    loops = [one for one in judged if one.label.loop]
    found = [one for one in loops if one.late is not None]
    early = sum(one.early is not None for one in loops)
    accused = sum(one.early is not None for one in judged) - early
    benign = len(judged) - len(loops)
    precision = len(found) / (len(found) + early + accused) if found else 0.0
    recall = len(found) / len(loops) if loops else 0.0
    events = [float(one.delay) for one in found]
    seconds = [one.delay_s for one in found if one.delay_s is not None]
    dollars = [one.delay_usd for one in found if one.delay_usd is not None]
    return Score(
        loops=len(loops),
        benign=benign,
        found=len(found),
        early=early,
        false_alarms=early + accused,
        precision=round(precision, 4),
        recall=round(recall, 4),
        f1=round(2 * precision * recall / (precision + recall), 4) if precision + recall else 0.0,
        false_alarm_rate=round(accused / benign, 4) if benign else 0.0,
        delay_median=_median(events),
        delay_p90=_p90(events),
        delay_s_median=_median(seconds),
        delay_s_p90=_p90(seconds),
        delay_usd_median=_median(dollars),
        delay_usd_p90=_p90(dollars),
        between=intervals(judged, bootstrap) if bootstrap is not None else {},
    )


def kinds(judged: Sequence[Judged]) -> list[str]:
    """List the detectors that found or accused anything."""
    return sorted({rise.kind for one in judged for rise in (one.early, one.late) if rise is not None})


def by_kind(judged: Sequence[Judged], kind: str) -> list[Judged]:
    """Give all runs as if only what this detector was first to say had been said."""
    return [replace(one, early=_said_by(one.early, kind), late=_said_by(one.late, kind)) for one in judged]


def _said_by(rise: Rise | None, kind: str) -> Rise | None:
    return rise if rise is not None and rise.kind == kind else None


def _median(values: Sequence[float]) -> float | None:
    return round(float(median(values)), 6) if values else None


def _p90(values: Sequence[float]) -> float | None:
    return round(sorted(values)[math.ceil(0.9 * len(values)) - 1], 6) if values else None

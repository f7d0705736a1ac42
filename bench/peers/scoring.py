"""How good an alarm is: a loop's first alarm against its onset, an innocent run's against none."""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from msgspec import Struct

from agentwatch.records import Event

__all__ = ["Case", "Outcome", "Tally", "judge", "tally"]


class Case(Struct, frozen=True, kw_only=True):
    """Events with what is true of them. onset: index of the first event that repeats with nothing new, -1 in none.

    suspects: the runs that the loop, or what looks like one, is made of; all other runs are innocent. group: shape or
    source, for the table by group.
    """

    name: str
    group: str
    loop: bool
    events: Sequence[Event]
    onset: int
    suspects: frozenset[str]


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of one case. delay: events of the suspects after the onset, None where the loop was not found."""

    found: bool = False
    false_alarm: bool = False
    delay: int | None = None


class Tally(Struct, frozen=True, kw_only=True):
    """Counts and rates over cases. early: loops with an alarm before the onset, or on a run beside the loop."""

    loops: int
    found: int
    early: int
    benign: int
    accused: int
    recall: float | None
    false_alarm_rate: float | None
    delay_median: float | None
    delay_p90: float | None


def judge(case: Case, first: Mapping[str, int]) -> Outcome:
    """Judge a case by each run's first alarm, given as the index of its event.

    A loop is found by a first alarm on a suspect at the onset less one or later; one before that is a false alarm
    and the loop counts as not found, since it was not the loop that was noticed.
    """
    beside = any(run not in case.suspects for run in first)
    of_suspects = [index for run, index in first.items() if run in case.suspects]
    if not case.loop:
        return Outcome(false_alarm=bool(of_suspects) or beside)
    at = min(of_suspects, default=None)
    if at is None:
        return Outcome(false_alarm=beside)
    if at < case.onset - 1:
        return Outcome(false_alarm=True)
    passed = sum(1 for event in case.events[case.onset + 1 : at + 1] if event.run in case.suspects)
    return Outcome(found=True, false_alarm=beside, delay=passed)


def tally(outcomes: Iterable[tuple[Case, Outcome]]) -> Tally:
    """Add outcomes up."""
    listed = list(outcomes)
    loops = [outcome for case, outcome in listed if case.loop]
    benign = [outcome for case, outcome in listed if not case.loop]
    found = sum(1 for one in loops if one.found)
    accused = sum(1 for one in benign if one.false_alarm)
    delays = sorted(one.delay for one in loops if one.delay is not None)
    return Tally(
        loops=len(loops),
        found=found,
        early=sum(1 for one in loops if one.false_alarm),
        benign=len(benign),
        accused=accused,
        recall=found / len(loops) if loops else None,
        false_alarm_rate=accused / len(benign) if benign else None,
        delay_median=float(median(delays)) if delays else None,
        delay_p90=float(delays[math.ceil(0.9 * len(delays)) - 1]) if delays else None,
    )

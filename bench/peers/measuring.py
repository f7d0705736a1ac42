"""Feeds cases to all in turn, and times the same for all: from memory to the alarm, and beside it the whole path.

Libraries that compare texts character by character would take hours: each has a limit of CPU time, and what it said of
the cases until then stands. Cases come shuffled, so that these are a fair sample.
"""

import gc
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from bench.peers.clock import Clock
from bench.peers.ourselves import LEVELS, Ourselves, firsts
from bench.peers.protocol import Peer
from bench.peers.scoring import Case, Outcome, judge
from bench.peers.step import steps_of

__all__ = ["Results", "measure"]

Firsts = dict[str, int]
Runner = Callable[[Case], None]
_WARMING = 64
_WARMING_SHARE = 0.25  # of the limit, at most


class Results(Struct, kw_only=True):
    """What one of them came to: an outcome a case, CPU seconds, and the events that were there to feed.

    cpu_s: from an event or step in memory to the alarm. whole_s: with what comes before and after it: for a library its
    steps made and prepared, for agentwatch the encoded line, ledger, rules, gate and decisions. broken: cases in which
    the library raised something of its own making; what it had said by then counts. differs: cases in which the two
    ways gave other first alarms. over: its time was up before the last case.
    """

    outcomes: list[tuple[Case, Outcome]] = []
    cpu_s: float = 0.0
    whole_s: float = 0.0
    events: int = 0
    broken: int = 0
    differs: int = 0
    over: bool = False

    def add(self, case: Case, first: Firsts, cpu_s: float, whole_s: float, broken: bool = False) -> None:
        """Take what came of a case."""
        self.outcomes.append((case, judge(case, first)))
        self.cpu_s += cpu_s
        self.whole_s += whole_s
        self.events += len(case.events)
        self.broken += broken


def measure(peers: Sequence[Peer], cases: Sequence[Case], limit_s: float, seed: int = 1) -> dict[str, Results]:
    """Run all over all cases, who goes first changing with every case. limit_s: CPU seconds of feeding for each.

    Some cases come first that do not count: what is loaded at the first use is no cost of an event.
    """
    shuffled = list(cases)
    random.Random(seed).shuffle(shuffled)
    _round(peers, shuffled[:_WARMING], limit_s * _WARMING_SHARE)
    gc.collect()
    gc.freeze()  # what the libraries loaded need not be looked through after every case
    results = _round(peers, shuffled, limit_s)
    gc.unfreeze()
    return results


def _round(peers: Sequence[Peer], cases: Sequence[Case], limit_s: float) -> dict[str, Results]:
    results = {name: Results() for name in (*LEVELS, *(peer.name for peer in peers))}
    runners = [_ourselves(results), *(_runner(peer, results[peer.name], limit_s) for peer in peers)]
    for number, case in enumerate(cases):
        turn = number % len(runners)
        for run in runners[turn:] + runners[:turn]:
            run(case)
        gc.collect()
    return results


def _ourselves(results: dict[str, Results]) -> Runner:
    ourselves = Ourselves()

    def run(case: Case) -> None:
        rises, whole_s = ourselves.whole(case)
        alarms, cpu_s = ourselves.alarm(case)
        for name, level in LEVELS.items():
            first = firsts(case, rises, level)
            results[name].add(case, first, cpu_s, whole_s)
            results[name].differs += first != firsts(case, alarms, level)

    return run


def _runner(peer: Peer, results: Results, limit_s: float) -> Runner:
    def run(case: Case) -> None:
        if results.over:
            return
        watchers = {name: peer.watch() for name in {event.run for event in case.events}}
        with Clock() as clock:
            ready = [
                (step.index, step.run, watchers[step.run].feed, peer.prepare(step)) for step in steps_of(case.events)
            ]
        fed = _feed(ready, limit_s - results.cpu_s)
        if fed.until >= 0:
            results.cpu_s += fed.cpu_s
            results.whole_s += fed.cpu_s + clock.spent_s
            results.events += fed.until + 1
            results.over = True
        else:
            results.add(case, fed.first, fed.cpu_s, fed.cpu_s + clock.spent_s, fed.broken)

    return run


class _Fed(Struct):
    """What came of feeding: each run's first alarm, and the index of the event at which time was up, else -1."""

    first: Firsts
    cpu_s: float = 0.0
    broken: bool = False
    until: int = -1


def _feed(ready: Sequence[tuple[int, str, Callable[[Any], bool], Any]], limit_s: float) -> _Fed:
    """Feed prepared steps to their runs' watchers until the end, an error of the library, or the limit."""
    fed = _Fed({})
    with Clock() as clock:
        deadline = time.perf_counter() + limit_s
        try:
            for index, run, feed, step in ready:
                if feed(step):
                    fed.first.setdefault(run, index)
                if time.perf_counter() > deadline:
                    fed.until = index
                    break
        except Exception:  # noqa: BLE001  # counted and shown; a foreign library may fail in any way
            fed.broken = True
    fed.cpu_s = clock.spent_s
    return fed

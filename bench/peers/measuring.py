"""Feeds cases to all in turn, and times nothing but the feeding.

Libraries that compare texts character by character would take hours: each has a limit of CPU time, and what it said of
the cases until then stands. Cases come shuffled, so that these are a fair sample.
"""

import contextlib
import gc
import io
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from agentwatch.config import Config
from agentwatch.records import Change, Decision, Level
from agentwatch.service.composing import make_rulebook
from agentwatch.service.replaying import Replay
from bench.peers.protocol import Peer
from bench.peers.scoring import Case, Outcome, judge
from bench.peers.step import steps_of

__all__ = ["OURSELVES", "Results", "measure"]

OURSELVES = {"agentwatch": Level.warn, "agentwatch, kill": Level.kill}
Firsts = dict[str, int]
Runner = Callable[[Case], None]
_WARMING = 4


class Results(Struct, kw_only=True):
    """What one of them came to: an outcome a case, the CPU seconds of feeding, and the events that were there to feed.

    broken: cases in which the library raised something of its own making; what it had said by then counts. over: its
    time was up before the last case.
    """

    outcomes: list[tuple[Case, Outcome]] = []
    cpu_s: float = 0.0
    events: int = 0
    broken: int = 0
    over: bool = False

    def add(self, case: Case, first: Firsts, cpu_s: float, broken: bool = False) -> None:
        """Take what came of a case."""
        self.outcomes.append((case, judge(case, first)))
        self.cpu_s += cpu_s
        self.events += len(case.events)
        self.broken += broken


def measure(peers: Sequence[Peer], cases: Sequence[Case], limit_s: float, seed: int = 1) -> dict[str, Results]:
    """Run all over all cases, who goes first changing with every case. limit_s: CPU seconds of feeding for each.

    A few cases come first that do not count: what is loaded at the first use is no cost of an event.
    """
    shuffled = list(cases)
    random.Random(seed).shuffle(shuffled)
    _round(peers, shuffled[:_WARMING], limit_s)
    gc.collect()
    gc.freeze()  # what the libraries loaded need not be looked through after every case
    results = _round(peers, shuffled, limit_s)
    gc.unfreeze()
    return results


def _round(peers: Sequence[Peer], cases: Sequence[Case], limit_s: float) -> dict[str, Results]:
    results = {name: Results() for name in (*OURSELVES, *(peer.name for peer in peers))}
    runners = [_ourselves(results), *(_runner(peer, results[peer.name], limit_s) for peer in peers)]
    for number, case in enumerate(cases):
        turn = number % len(runners)
        for run in runners[turn:] + runners[:turn]:
            run(case)
        gc.collect()
    return results


def _ourselves(results: dict[str, Results]) -> Runner:
    config = Config()
    rulebook = make_rulebook(config, {})

    def run(case: Case) -> None:
        lines = list(enumerate(map(msgspec.json.encode, case.events), 1))
        replay = Replay(config, rulebook)
        with _quietly() as clock:
            changes = list(replay.changes(lines))
        for name, level in OURSELVES.items():
            results[name].add(case, _rises(case, changes, level), clock.spent_s, bool(replay.malformed))

    return run


def _rises(case: Case, changes: Iterable[Decision], level: Level) -> Firsts:
    """Find each run's first rise to the level, by the event that caused it."""
    first: Firsts = {}
    for change in changes:
        if change.change is Change.up and change.level >= level:
            first.setdefault(case.events[change.index].run, change.index)
    return first


def _runner(peer: Peer, results: Results, limit_s: float) -> Runner:
    def run(case: Case) -> None:
        if results.over:
            return
        watchers = {name: peer.watch() for name in {event.run for event in case.events}}
        ready = [(step.index, step.run, watchers[step.run].feed, peer.prepare(step)) for step in steps_of(case.events)]
        fed = _feed(ready, limit_s - results.cpu_s)
        if fed.until >= 0:
            results.cpu_s += fed.cpu_s
            results.events += fed.until + 1
            results.over = True
        else:
            results.add(case, fed.first, fed.cpu_s, fed.broken)

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
    with _quietly() as clock:
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


class _Clock(Struct):
    spent_s: float = 0.0


@contextlib.contextmanager
def _quietly() -> Iterator[_Clock]:
    """Count the CPU seconds of this process within, without collections of garbage and without printing."""
    clock = _Clock()
    gc.disable()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            started = time.process_time()
            yield clock
            clock.spent_s = time.process_time() - started
    finally:
        gc.enable()

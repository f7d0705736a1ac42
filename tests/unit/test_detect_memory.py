"""The state of a fleet of quiet to normal runs stays within 4 KiB a run, and within that for ever."""

import gc
import random
import sys
import tracemalloc

import msgspec
import numpy as np

from agentwatch.detect.bank import Bank
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.fingerprint import fingerprint_batch
from agentwatch.records import Event, Observation
from agentwatch.testing import Trace
from agentwatch.testing.shapes import prose


def fleet(runs, alone=False):
    """Seven of ten runs are quiet (1 to 8 events), the others have 16 to 64; a third of the events are chats.

    alone: each run is an agent and an app of its own, as when a producer names its agent only.
    """
    draw = random.Random(1)
    for number in range(runs):
        agent, run, app = f"agent-{number % (runs // 4)}", f"run-{number:024d}", f"app-{number % (runs // 40)}"
        if alone:
            agent = run = app = f"agent-{number:08d}"
        trace = Trace(agent, run=run, app=app)
        quiet = number % 10 < 7
        for at in range(draw.randrange(1, 9) if quiet else draw.randrange(16, 64)):
            seed = number * 100 + at
            if at % 3 == 0:
                trace.say(prose(seed, 30), told=prose(seed + 7, 20))
            else:
                trace.call(f"tool{draw.randrange(5)}", {"q": prose(seed + 3, 6)}, prose(seed + 5, 40), status="ok")
        yield from trace.events


def observe(bank, raw):
    decoder, options = msgspec.json.Decoder(Event), DetectOptions()
    for first in range(0, len(raw), 64):
        events = [decoder.decode(line) for line in raw[first : first + 64]]
        for index, (event, prints) in enumerate(zip(events, fingerprint_batch(events), strict=True), first):
            scope = bank.admit(event)
            seen = Observation(index, "0-0", scope.app.clock, event, prints, 1000)
            assert bank.observe(seen, scope, options) == []


def bytes_a_run(runs, alone):
    """Decode, fingerprint and observe while memory is traced, so that every string and sketch kept is counted."""
    raw = [msgspec.json.encode(event) for event in fleet(runs, alone)]
    assert np.__name__ in sys.modules  # it is loaded at need, and is no state
    observe(Bank(StateOptions()), raw[:64])
    bank = Bank(StateOptions())
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        observe(bank, raw)
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert bank.stats()["runs"] == runs
    return taken / runs


def test_a_run_takes_at_most_four_kibibytes():
    assert bytes_a_run(600, alone=False) <= 4096


def test_a_hundred_thousand_runs_of_agents_and_apps_of_their_own_fit_half_a_gibibyte():
    assert bytes_a_run(600, alone=True) * 100_000 <= 512 * 1024 * 1024


def test_state_does_not_grow_beyond_its_limits_however_many_come():
    bank = Bank(StateOptions(max_runs=50, max_agents=20, max_parents=60, max_apps=5))
    options = DetectOptions()
    sizes = []
    events = list(fleet(400))
    prints = fingerprint_batch(events)
    for index, (event, its_prints) in enumerate(zip(events, prints, strict=True)):
        scope = bank.admit(event)
        bank.observe(Observation(index, "0-0", scope.app.clock, event, its_prints), scope, options)
        if index % 200 == 0:
            sizes.append(sum(map(len, bank.snapshot())))
    assert max(sizes[len(sizes) // 2 :]) <= 1.5 * max(sizes[: len(sizes) // 2])
    assert bank.stats()["runs"] <= 50

"""The state of a fleet of quiet to normal runs stays within 4 KiB a run, and within that for ever."""

import gc
import random
import tracemalloc

import msgspec

from agentwatch.detect.bank import Bank
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.fingerprint import fingerprint_batch
from agentwatch.records import Event, Observation
from agentwatch.testing import Trace
from agentwatch.testing.shapes import prose


def fleet(runs):
    """Seven of ten runs are quiet (1 to 8 events), the others have 16 to 64; a third of the events are chats."""
    draw = random.Random(1)
    for number in range(runs):
        trace = Trace(f"agent-{number % (runs // 4)}", run=f"run-{number:024d}", app=f"app-{number % (runs // 40)}")
        quiet = number % 10 < 7
        for at in range(draw.randrange(1, 9) if quiet else draw.randrange(16, 64)):
            seed = number * 100 + at
            if at % 3 == 0:
                trace.say(prose(seed, 30), told=prose(seed + 7, 20))
            else:
                trace.call(f"tool{draw.randrange(5)}", {"q": prose(seed + 3, 6)}, prose(seed + 5, 40), status="ok")
        yield from trace.events


def test_a_run_takes_at_most_four_kibibytes():
    runs = 600
    raw = [msgspec.json.encode(event) for event in fleet(runs)]
    prints = fingerprint_batch(msgspec.json.decode(b"[" + b",".join(raw) + b"]", type=list[Event]))
    decoder, options = msgspec.json.Decoder(Event), DetectOptions()
    bank = Bank(StateOptions())
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for index, (line, its_prints) in enumerate(zip(raw, prints, strict=True)):
            event = decoder.decode(line)
            scope = bank.admit(event)
            signals = bank.observe(Observation(index, "0-0", scope.app.clock, event, its_prints, 1000), scope, options)
            assert signals == []
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert bank.stats()["runs"] == runs
    assert taken / runs <= 4096


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

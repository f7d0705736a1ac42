import random
import subprocess
import sys

import msgspec
import pytest

from agentwatch.config import Config
from agentwatch.detect.bank import Bank
from agentwatch.detect.cohort import CohortOptions
from agentwatch.detect.manner import FULL, Manner
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.detect.peers import manners
from agentwatch.records import Batch, Entry, Event, Observation, Prints, Tick
from agentwatch.service.cohort import CohortWatch
from agentwatch.service.composing import make_pipeline, make_rulebook
from agentwatch.service.forest import compare
from agentwatch.testing import Trace
from agentwatch.testing.shapes import prose


def rows(count, odd=True, app="shop", seed=1):
    draw = random.Random(seed)
    found = [
        (
            "t",
            app,
            f"a{at:03d}",
            (*(draw.gauss(mean, 0.3) for mean in (2.0, 6.0, 1.0)), 0.1, 0.1, draw.gauss(0.6, 0.05)),
        )
        for at in range(count)
    ]
    return found + [("t", app, "odd", (4.5, 6.0, 3.5, 0.1, 0.9, 0.05))] * odd


def test_the_odd_one_out_is_found_and_told_by_what():
    found = compare(rows(60), CohortOptions())
    assert [key[2] for key, view in found.items() if view.unlike] == ["odd"]
    odd = found["t", "shop", "odd"]
    assert (odd.among, odd.peers) == ("app", 60)
    assert "more stale steps than its peers" in odd.differs
    assert "fewer new findings than its peers" in odd.differs
    assert compare(rows(60), CohortOptions()) == found
    assert not any(view.unlike for view in compare(rows(60, odd=False), CohortOptions()).values())


def test_small_apps_are_compared_within_their_tenant_and_small_tenants_not_at_all():
    few = rows(12, app="one") + rows(12, odd=False, app="two", seed=2)
    found = compare(few, CohortOptions())
    assert {view.among for view in found.values()} == {"tenant"}
    assert found["t", "one", "odd"].unlike
    assert compare(rows(10), CohortOptions()) == {}
    assert compare([], CohortOptions()) == {}


def test_a_manner_forgets_slowly_and_a_night_is_a_minute():
    manner = Manner(0.0)
    for at in range(int(FULL)):
        manner.add(at * 2.0, 100, 0.01, failed=False, stale=False, fresh=True)
    manner.add(manner.last + 30_000.0, 100, 0.01, failed=True, stale=True, fresh=False)
    assert manner.events == FULL / 2 + 1
    assert manner.span_s == pytest.approx(FULL - 1 + 60.0)
    rate, tokens, *_ = manner.features()
    assert rate == pytest.approx(3.0, abs=0.4)
    assert tokens == pytest.approx(4.6, abs=0.1)


def test_quiet_agents_cost_nothing_and_only_busy_ones_are_compared():
    bank, options = Bank(StateOptions()), DetectOptions()
    for index in range(80):
        name = "busy" if index % 4 else f"quiet-{index}"
        event = Event(
            agent=name, app="a", run=name, root_run=name, tenant="t", id=str(index), ts=float(index), op="chat"
        )
        scope = bank.admit(event)
        assert bank.observe(Observation(index, "0-0", scope.app.clock, event, Prints()), scope, options) == []
    agents = bank.population.apps["t", "a"].agents
    assert [name for name, agent in agents.items() if agent.manner is not None] == ["busy"]
    assert [row[:3] for row in manners(bank.population, CohortOptions())] == [("t", "a", "busy")]
    assert list(manners(bank.population, CohortOptions(least_events=1000))) == []


def batch(agents, rounds):
    """Chats of several agents side by side, of which the first says the same all the time."""
    entries, began = [], 1_700_000_000.0
    for at in range(rounds):
        for agent in range(agents):
            trace = Trace(f"agent-{agent:02d}", run=f"run-{agent}", gap_s=0.0)
            trace.now = began + at * 10.0
            said = prose(at * 100 + agent) if agent else "the same again and again, word for word, as ever"
            trace.say(said, told=prose(at * 100 + agent + 7), id=f"{at}-{agent}")
            entries.append(Entry(f"{int(trace.now * 1000)}-{agent}", msgspec.json.encode(trace.events[0])))
    return Batch(tick=Tick(began + rounds * 10.0), entries=tuple(entries))


async def test_comparisons_are_due_at_event_counts_and_decide_nothing():
    config = Config()
    pipeline = make_pipeline(config, make_rulebook(config, {}))
    watch = CohortWatch(lambda: pipeline)
    assert not await watch.look()
    commit = pipeline.step(batch(24, 40))
    assert not commit.decisions or all(one.kind != "cohort" for one in commit.decisions)
    before = b"".join(pipeline.parts.bank.snapshot())
    assert await watch.look()
    assert not await watch.look()
    assert b"".join(pipeline.parts.bank.snapshot()) == before
    view = watch.of("default/app/agent/agent-00")
    assert view is not None
    assert view.peers == 23
    assert watch.of("default/app/agent/nobody") is None


def test_the_model_is_not_loaded_before_it_is_needed():
    code = "import sys, agentwatch.service.cohort; print('sklearn' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"

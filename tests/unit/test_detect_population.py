import pytest

from agentwatch.detect.bank import Bank
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.detect.population import Population
from agentwatch.errors import Incompatible
from agentwatch.records import Event, Observation, Prints


def event(run="r1", *, agent="bot", app="shop", ts=1000.0, id="", **fields):
    given = {"tenant": "default", "root_run": run, **fields}
    return Event(agent=agent, app=app, run=run, ts=ts, id=id or f"{run}@{ts}", **given)


def observe(bank, an_event, cost=None, **fields):
    scope = bank.admit(an_event)
    seen = Observation(bank._index - 1, "0-0", scope.app.clock, an_event, Prints(), cost, **fields)
    return scope, bank.observe(seen, scope, DetectOptions())


def test_an_app_has_one_clock_that_never_goes_back():
    population = Population(StateOptions())
    assert population.admit(event(ts=1000.0), 0).app.clock == 1000.0
    assert population.admit(event(ts=990.0), 1).app.clock == 1000.0
    assert population.admit(event(ts=1001.0), 2).app.clock == 1001.0
    assert population.admit(event(app="other", ts=5.0), 3).app.clock == 5.0


def test_an_id_seen_twice_within_ten_minutes_counts_once():
    bank = Bank(StateOptions())
    first, _ = observe(bank, event(ts=0.0, id="x", input_tokens=10))
    second, _ = observe(bank, event(ts=600.0, id="x", input_tokens=10))
    assert (first.duplicate, second.duplicate) == (False, True)
    assert (first.run.events, first.run.tokens) == (1, 10)
    third, _ = observe(bank, event(ts=601.0, id="x", input_tokens=10))
    assert not third.duplicate


def test_ids_count_as_seen_within_the_last_256_events_of_the_run_only():
    population = Population(StateOptions())
    for at in range(257):
        assert not population.admit(event(id=str(at)), at).duplicate
    assert population.admit(event(id="1"), 300).duplicate
    assert not population.admit(event(id="0"), 301).duplicate
    assert not population.admit(event(run="r2", id="1"), 302).duplicate


def test_a_run_without_an_id_of_its_own_ends_after_half_an_hour_idle():
    bank = Bank(StateOptions())
    first, _ = observe(bank, event("bot", ts=0.0))
    same, _ = observe(bank, event("bot", ts=1800.0))
    fresh, _ = observe(bank, event("bot", ts=3601.0))
    assert same.run is first.run
    assert fresh.opened
    assert fresh.run is not first.run
    assert fresh.agent.runs == 2
    named, _ = observe(bank, event("named", ts=3601.0))
    assert observe(bank, event("named", ts=3601.0 + 7200))[0].run is named.run


def test_an_ended_run_begins_anew_when_it_says_so():
    bank = Bank(StateOptions())
    first, _ = observe(bank, event(ts=0.0, op="run_start"))
    observe(bank, event(ts=1.0, op="run_end"))
    assert first.run.ended
    late, _ = observe(bank, event(ts=2.0))
    assert late.run is first.run
    observe(bank, event(ts=3.0, op="run_end"))
    assert observe(bank, event(ts=4.0, op="run_start"))[0].run is not first.run


def test_a_child_that_names_only_its_parent_joins_the_parents_tree_and_app():
    population = Population(StateOptions())
    population.admit(event("top", agent="lead"), 0)
    child = population.admit(event("kid", agent="helper", parent_run="top"), 1)
    grandchild = population.admit(event("grandkid", agent="clerk", app="clerk", parent_run="kid"), 2)
    assert child.run.root == "top"
    assert (grandchild.app.app, grandchild.run.app, grandchild.run.root) == ("shop", "shop", "top")
    later = population.admit(event("grandkid", agent="clerk", app="clerk", ts=1001.0), 3)
    assert later.run is grandchild.run
    assert later.root.descendants == 2
    assert later.root.live == 3


def test_a_child_of_another_tenant_or_with_an_app_of_its_own_stays_there():
    population = Population(StateOptions())
    population.admit(event("top", agent="lead"), 0)
    other = population.admit(event("kid", agent="clerk", app="clerk", parent_run="top", tenant="acme"), 1)
    own = population.admit(event("kid2", agent="clerk", app="desk", parent_run="top"), 2)
    assert (other.app.app, other.run.root) == ("clerk", "kid")
    assert (own.app.app, own.run.root) == ("desk", "kid2")


def test_a_run_moves_to_the_root_that_it_names_later():
    population = Population(StateOptions())
    first = population.admit(event("kid"), 0)
    second = population.admit(event("kid", root_run="top", id="2"), 1)
    assert second.run is first.run
    assert second.root.root == "top"
    assert second.app.root("top") is second.root
    assert second.app.root("kid") is None


def test_counts_bound_what_is_tracked_and_the_stalest_go_first():
    population = Population(StateOptions(max_runs=64, max_agents=32, max_apps=16))
    for at in range(500):
        population.admit(event(f"r{at}", agent=f"a{at}", app=f"app{at % (20 if at > 400 else 12)}", ts=1000.0 + at), at)
        assert population.runs <= 64
        assert population.agents <= 32
        assert len(population.apps) <= 16
    tracked = [run.last_index for app in population.apps.values() for run in app.runs.values()]
    assert len(tracked) == population.runs
    assert sum(len(app.agents) for app in population.apps.values()) == population.agents
    assert all(app.root(run.root) is run.tree for app in population.apps.values() for run in app.runs.values())
    assert population.dropped["runs_over_limit"] > 0
    assert population.dropped["agents_over_limit"] > 0
    assert population.dropped["apps_over_limit"] > 0


def test_speakers_of_a_run_are_bounded():
    population = Population(StateOptions(max_speakers=4))
    for at in range(20):
        scope = population.admit(event(agent=f"a{at}", id=str(at)), at)
        assert scope.history is scope.run.speakers[f"a{at}"]
    assert len(scope.run.speakers) == 4
    assert population.dropped["speakers"] == 16


def test_what_is_idle_too_long_by_its_apps_clock_is_forgotten():
    bank = Bank(StateOptions())
    observe(bank, event("r1", ts=0.0))
    observe(bank, event("r2", ts=0.0, op="run_end"))
    observe(bank, event("elsewhere", app="other", ts=0.0))
    scope, _ = observe(bank, event("r3", agent="new", ts=1000.0))
    assert set(scope.app.runs) == {"r1", "r3"}
    scope, _ = observe(bank, event("r3", agent="new", ts=8 * 86400.0))
    assert set(scope.app.runs) == {"r3"}
    assert set(scope.app.agents) == {"new"}
    assert bank.stats()["apps"] == 2
    assert bank.stats()["runs"] == 2
    assert bank.stats()["dropped_runs_ended"] == 1


def test_everything_is_counted_once_and_held_events_are_no_turns():
    bank = Bank(StateOptions())
    observe(bank, event(ts=1.0, op="chat", input_tokens=100, output_tokens=20, model="m", user="u"), 5000)
    observe(bank, event(ts=2.0, op="execute_tool", tool="t", step=1, handles={"pid": "7"}))
    observe(bank, event(ts=2.1, op="execute_tool", tool="t", step=1))
    observe(bank, event(ts=3.0, op="execute_tool", tool="t", step=2, epoch=4))
    observe(bank, event(ts=4.0, op="chat", input_tokens=50, status="held"))
    scope, _ = observe(bank, event(ts=5.0, op="heartbeat", trigger="human", team="ops"))
    run = scope.run
    assert (run.events, run.turns, run.rounds, run.tokens, run.cost_nusd, run.unpriced) == (6, 2, 2, 170, 5000, 1)
    assert (run.model, run.users, run.rare.human_at, run.epoch, run.handles) == ("m", ("u",), 5.0, 4, {"pid": "7"})
    assert run.stoppable
    assert run.team == "ops"
    assert (scope.root.tokens, scope.agent.tokens, scope.agent.today.tokens, scope.app.today.tokens) == (170,) * 4
    assert scope.app.today.turns == 2
    scope, _ = observe(bank, event(ts=86400.0 + 5, op="chat", input_tokens=1))
    assert (scope.agent.today.tokens, scope.agent.tokens) == (1, 171)


def test_a_snapshot_brings_everything_back_in_chunks_within_a_mebibyte():
    bank = Bank(StateOptions())
    for at in range(3000):
        run, agent = f"run-{at % 900}-{'x' * 200}", f"agent-{at % 70}"
        observe(bank, event(run, agent=agent, app=f"app{at % 7}", ts=1000.0 + at, id=f"{at}", op="execute_tool"))
    observe(bank, event("kid", agent="clerk", app="clerk", parent_run=f"run-1-{'x' * 200}"))
    chunks = list(bank.snapshot())
    assert len(chunks) > 1
    assert max(map(len, chunks)) <= 1 << 20
    other = Bank(StateOptions())
    other.restore(chunks)
    assert list(other.snapshot()) == chunks
    assert other.stats() == bank.stats()
    scopes = [observe(one, event("kid", agent="clerk", app="clerk", ts=9e3, id="z"))[0] for one in (bank, other)]
    assert scopes[0].run == scopes[1].run
    assert scopes[0].app.app == "app6"
    assert list(other.snapshot()) == list(bank.snapshot())


def test_a_snapshot_of_another_format_or_a_damaged_one_is_refused_by_name():
    bank = Bank(StateOptions())
    observe(bank, event())
    chunk = next(bank.snapshot())
    with pytest.raises(Incompatible, match="format 99"):
        bank.restore([bytes([chunk[0], 99]) + chunk[2:]])
    with pytest.raises(Incompatible):
        bank.restore([chunk[: len(chunk) // 2]])
    assert bank.stats()["runs"] == 1


def test_views_show_agents_runs_and_handles():
    bank = Bank(StateOptions())
    observe(bank, event("r1", ts=0.0, input_tokens=10, handles={"pid": "1"}), 2_000_000_000)
    observe(bank, event("r2", ts=3600.0, input_tokens=10, task="t"), 2_000_000_000)
    observe(bank, event("r3", agent="cheap", app="other", tenant="acme"), 1)
    fleet = bank.fleet
    assert [view.agent for view in fleet.agents()] == ["bot", "cheap"]
    assert [view.agent for view in fleet.agents("acme")] == ["cheap"]
    agent = fleet.agent("default/shop/agent/bot")
    assert (agent.runs, agent.cost_nusd, agent.cost_per_hour_nusd) == (2, 4_000_000_000, 4_000_000_000)
    assert [view.run for view in agent.run_views] == ["r2", "r1"]
    assert agent.stoppable
    assert fleet.run("default/shop/run/r2").task == "t"
    assert fleet.handles("default/shop/root/r2") == {}
    assert fleet.handles("default/shop/agent/bot") == {"pid": "1"}
    assert len(list(fleet.runs("default"))) == 2
    assert len(fleet.tree("default/shop/root/r1")) == 1
    for nobody in ("default/shop/run/none", "default/none/run/r1", "default/shop", "not a//subject"):
        assert fleet.run(nobody) is None

"""Trees of agents: what grows by the same prompt or by depth is found, what was asked for is not."""

import pytest

from agentwatch.detect.brood import stem
from agentwatch.detect.spawn import Spawn, SpawnOptions
from agentwatch.records import Level
from agentwatch.subject import root_subject
from agentwatch.testing import Bench, Trace, check_detector, observations
from agentwatch.testing.scenarios import scenario
from agentwatch.testing.shapes import prose

ASKED = "Find out which suppliers raised their prices and write down by how much."


def tree(children, *, gap_s=2.0, ends=True, answer=None):
    """A root that starts one child for each (agent, parent's place, prompt); place -1 is the root itself."""
    events, clock = [], 1_700_000_000.0
    runs = ["root"]
    for at, (agent, parent, prompt) in enumerate(children):
        clock += gap_s
        above, run = runs[parent + 1], f"c{at}"
        runs.append(run)
        caller = Trace("root", run=above, gap_s=0.0)
        caller.now = clock
        caller.add(op="invoke_agent", to_agent=agent, input=prompt, id=f"i{at}", root_run="root")
        child = Trace(agent, run=run, gap_s=0.1)
        child.now = clock
        fields = {"root_run": "root", "parent_run": above}
        child.say(answer(at) if answer else None, told=prompt, **fields)
        if ends:
            child.add(op="run_end", status="ok", **fields)
        events += caller.events + child.events
    return events


def signals(events, **options):
    bench = Bench(Spawn(SpawnOptions(**options)))
    return [signal for signal in bench.feed_all(observations(events)) if signal is not None]


def levels(found):
    return {Level.kill if one.strength >= one.kill_at and one.ceiling is Level.kill else Level.warn for one in found}


def test_the_same_prompt_again_and_again_warns_and_kills_the_tree():
    found = signals(tree([("helper", -1, ASKED)] * 40, gap_s=30.0, ends=False))
    assert found[0].evidence.count == 17  # the first child repeats nobody
    assert levels(found) == {Level.warn, Level.kill}
    assert {one.subject for one in found} == {root_subject("default", "app", "root")}
    assert found[0].evidence.tokens > 0


def test_haste_and_barren_ends_say_it_sooner():
    children = [("helper", -1, ASKED)] * 40
    counts = [
        signals(tree(children, gap_s=gap_s, ends=ends))[0].evidence.count for gap_s, ends in ((2, False), (2, True))
    ]
    assert 17 > counts[0] > counts[1]


@pytest.mark.parametrize("gap_s", [0.1, 5.0])
def test_two_hundred_different_prompts_one_level_down_are_work(gap_s):
    children = [("worker", -1, f"Extract the facts of {prose(at, 8)}") for at in range(200)]
    assert signals(tree(children, gap_s=gap_s, answer=lambda at: prose(at + 900, 12))) == []


def test_generations_of_one_kind_warn_at_three_and_kill_at_five():
    chain = [(f"worker-{at}", at - 1, f"Take over: {prose(at, 9)}") for at in range(6)]
    found = signals(tree(chain, ends=False))
    assert "3 levels deep" in found[0].reason
    assert all(one.ceiling is Level.pause for one in found)  # a chain alone is too few to kill for
    bushy = [(f"worker-{at}", (at - 1) // 2 if at else -1, f"Take over: {prose(at, 9)}") for at in range(40)]
    assert Level.kill in levels(signals(tree(bushy, ends=False)))


def test_an_organisation_of_different_roles_may_be_deeper():
    roles = ("director", "manager", "researcher", "reader")
    assert signals(tree([(role, at - 1, prose(at, 9)) for at, role in enumerate(roles)])) == []


def test_several_answers_to_one_question_that_all_bring_something_are_wanted():
    assert signals(tree([("sampler", -1, ASKED)] * 16, answer=lambda at: prose(at, 20))) == []


def test_copies_started_in_one_step_are_one_wish():
    events = []
    trace = Trace("root", run="root", gap_s=0.0)
    for _ in range(40):
        trace.add(op="invoke_agent", to_agent="x", input=ASKED, step=1)
    events += trace.events
    assert signals(events) == []


def test_children_that_all_fail_count_and_those_that_bring_something_take_it_back():
    distinct = [("worker", -1, prose(at, 9)) for at in range(60)]
    assert signals(tree(distinct, answer=lambda _: "I could not do it, there was an error."))
    assert signals(tree(distinct, answer=lambda at: prose(at, 20))) == []


@pytest.mark.parametrize(
    ("agent", "kind"),
    [("worker-7", "worker"), ("worker_a3f9", "worker"), ("Researcher", "researcher"), ("42", "42"), ("sub.12", "sub")],
)
def test_a_name_without_its_number(agent, kind):
    assert stem(agent) == kind


@pytest.mark.parametrize("options", [SpawnOptions(), SpawnOptions(warn=4, kill=8, warn_depth=2, kill_depth=3)])
def test_it_keeps_the_contract_on_trees(options):
    names = ("spawn_storm", "recursive_spawn", "delegation", "parent_revives_child")
    check_detector(lambda: Spawn(options), {name: lambda name=name: scenario(name).make(1).events for name in names})

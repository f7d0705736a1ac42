"""The bench of peers: what a toy library is shown, how its alarms are judged, and what becomes of a broken one."""

import pytest

from agentwatch.testing import Trace
from agentwatch.testing.shapes import exact_repeat, pagination
from bench.peers.measuring import Results, measure
from bench.peers.protocol import Absent, Peer, load
from bench.peers.scoring import Case, Outcome, judge, tally
from bench.peers.step import MESSAGE, steps_of
from bench.peers.table import by_group, plain, render


class Third:
    """Says stuck at the third equal call in a row."""

    def __init__(self):
        self.last, self.count = None, 0

    def feed(self, step):
        call = (step.tool, step.arguments)
        self.count = self.count + 1 if call == self.last else 1
        self.last = call
        return self.count >= 3


class Breaks:
    def feed(self, step):
        raise RuntimeError("of its own making")


def peer(name, watcher):
    return Peer(
        name=name,
        package=name,
        version="1",
        about="a toy",
        compares="calls",
        watch=watcher,
        prepare=lambda step: step,
    )


def case(events, *, onset=-1, suspects=("run-1",), name="a"):
    return Case(name=name, group=name, loop=onset >= 0, events=events, onset=onset, suspects=frozenset(suspects))


LOOP = case(exact_repeat(24), onset=1, name="repeat")
TWIN = case(pagination(24), name="pages")


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ({}, Outcome()),
        ({"run-1": 2}, Outcome(false_alarm=True)),
        ({"run-1": 3}, Outcome(found=True, delay=0)),
        ({"run-1": 4}, Outcome(found=True, delay=0)),
        ({"run-1": 9}, Outcome(found=True, delay=5)),
        ({"run-1": 9, "run-2": 0}, Outcome(found=True, false_alarm=True, delay=5)),
        ({"run-2": 9}, Outcome(false_alarm=True)),
    ],
)
def test_a_loop_is_judged_by_its_first_alarm(first, expected):
    assert judge(case(exact_repeat(12), onset=4), first) == expected


def test_the_delay_counts_the_events_of_the_loop_and_no_others():
    loop, beside = exact_repeat(6), Trace(run="run-2").call("read", {}, "x").call("read", {}, "y").events
    assert judge(case([*loop[:3], *beside, *loop[3:]], onset=2), {"run-1": 6}).delay == 2


@pytest.mark.parametrize("run", ["run-1", "run-2"])
def test_any_alarm_on_innocent_runs_is_false(run):
    assert judge(TWIN, {run: 20}) == Outcome(false_alarm=True)


def test_rates_are_of_loops_and_of_benign_cases_apart():
    found = [(LOOP, Outcome(found=True, delay=n)) for n in (1, 3)]
    t = tally([*found, (LOOP, Outcome()), (LOOP, Outcome(false_alarm=True)), (TWIN, Outcome(false_alarm=True))])
    assert (t.loops, t.found, t.early, t.benign, t.accused) == (4, 2, 1, 1, 1)
    assert (t.recall, t.false_alarm_rate, t.delay_median, t.delay_p90) == (0.5, 1.0, 2.0, 3.0)


def test_an_output_is_a_step_only_where_no_call_follows():
    trace = Trace().say("thinking", told="please").call("search", {"q": 1}, "nothing").say("done", told="nothing")
    call, last = steps_of(trace.say("truly done", told="are you sure?").events)[:2]
    assert (call.tool, call.args, call.thought, call.told, call.result) == (
        "search",
        {"q": 1},
        "thinking",
        "please",
        "nothing",
    )
    assert (last.tool, last.arguments, last.told, last.index) == (MESSAGE, "done", "", 2)


def test_an_answer_of_somebody_is_told_and_a_result_handed_on_is_not():
    trace = Trace().call("search", "no json", "nothing").say("one", told="nothing").say("two", told="go on")
    steps = steps_of(trace.events)
    assert [(step.told, step.args) for step in steps] == [
        ("", {"input": "no json"}),
        ("", {"text": "one"}),
        ("go on", {"text": "two"}),
    ]


def test_all_are_fed_the_same_and_the_table_has_agentwatch_first():
    peers = [peer("third", Third), peer("breaks", Breaks)]
    results = measure(peers, [LOOP, TWIN], limit_s=60.0)
    third, ours = tally(results["third"].outcomes), tally(results["agentwatch"].outcomes)
    assert (third.found, third.accused, third.delay_median) == (1, 0, 1.0)
    assert (ours.found, ours.accused) == (1, 0)
    assert results["third"].events == results["agentwatch"].events == 48
    assert results["breaks"].broken == 2
    absent = [Absent(name="gone", reason="no such wheel")]
    lines = render("Toys", results, peers, absent).splitlines()
    assert [line.split("|")[1].strip() for line in lines[4:8]] == ["agentwatch", "agentwatch, kill", "third", "breaks"]
    assert "not measured: gone: no such wheel" in lines
    assert "breaks: raised in 2 cases" in lines
    assert "| loop repeat | 100 | 100 | 100 | 0 |" in by_group(results)
    assert plain(results, peers, absent)["not_measured"] == {"gone": "no such wheel"}


def test_a_library_without_time_left_is_judged_by_what_it_did_until_then():
    results = measure([peer("third", Third)], [LOOP, TWIN], limit_s=0.0)["third"]
    assert (results.over, results.outcomes, results.events) == (True, [], 1)
    assert by_group({"third": results, "none": Results()}).count("\n") == 1


def test_a_library_that_is_not_there_is_named_with_the_reason():
    found = load("no_such_library")
    assert isinstance(found, Absent)
    assert "ModuleNotFoundError" in found.reason

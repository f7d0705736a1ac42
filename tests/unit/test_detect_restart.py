"""Jobs that are started again: by task, by prompt, by first call, under new names; and jobs that only recur."""

import pytest
from msgspec.structs import replace

from agentwatch.detect.restart import Restart, RestartOptions
from agentwatch.records import Level
from agentwatch.subject import root_subject, task_subject
from agentwatch.testing import Bench, Trace, check_detector, observations
from agentwatch.testing.scenarios import scenario
from agentwatch.testing.shapes import prose

ASKED = "Process the next order of the queue and mark it as done."
FAILS = ("call_api", {"path": "/orders/next"}, "error: schema of the answer is unknown")
WORKS = ("call_api", {"path": "/orders/next"}, "order 17: three chairs for Delft, not paid yet")


def runs(count, call=FAILS, *, end="error", every_s=60.0, agent=lambda at: "clerk", task="", told=ASKED, **fields):
    """Start a run each `every_s` seconds that is told something, makes a call and ends so (None: it just stops)."""
    events = []
    for at in range(count):
        trace = Trace(agent(at), run=f"r{at}", gap_s=0.5)
        trace.now = 1_700_000_000.0 + at * every_s
        given = {"task": task, **fields}
        made = call(at) if callable(call) else call
        if told:
            trace.say("I begin.", told=told(at) if callable(told) else told, **given)
        trace.call(*made, status="error" if made is FAILS else "ok", **given)
        if end:
            trace.add(op="run_end", status=end, **given)
        events += trace.events
    return events


def found(events, **options):
    """Give each signal with the number of its run."""
    bench = Bench(Restart(RestartOptions(**options)))
    stream = observations(events)
    answers = zip(stream, bench.feed_all(stream), strict=True)
    return [(int(seen.event.run[1:]) + 1, signal) for seen, signal in answers if signal is not None]


def kills(signal):
    return signal.strength >= signal.kill_at and signal.ceiling is Level.kill


@pytest.mark.parametrize("told", [ASKED, ""])
@pytest.mark.parametrize("end", ["error", None])
def test_a_job_that_fails_warns_at_the_third_start_and_kills_at_the_sixth(told, end):
    answers = found(runs(8, told=told, end=end))
    assert answers[0][0] == 3
    assert next(at for at, signal in answers if kills(signal)) == 6
    assert all(signal.subject == root_subject("default", "app", f"r{at - 1}") for at, signal in answers)


def test_with_a_task_it_is_the_task_that_must_not_be_started_again():
    answers = found(runs(7, task="order-17"))
    assert {signal.subject for _, signal in answers} == {task_subject("default", "app", "clerk", "order-17")}
    assert answers[-1][1].evidence.count == 7
    assert answers[-1][1].evidence.tokens > 0


def test_a_new_name_for_each_start_hides_nothing():
    assert found(runs(8, agent=lambda at: f"clerk-{at}"))


def test_runs_that_end_well_with_nothing_new_pause_at_most():
    answers = found(runs(12, WORKS, end="ok"))
    assert 4 <= answers[0][0] <= 6
    assert {signal.ceiling for _, signal in answers} == {Level.pause}


def test_something_new_clears_it():
    fresh = runs(12, lambda at: ("call_api", {"path": "/orders/next"}, prose(at, 20)), end="ok")
    assert found(fresh) == []
    assert found(runs(12, lambda at: FAILS if at % 2 else (*WORKS[:2], prose(at, 20)), end=None)) == []


def test_a_human_who_asks_again_is_no_restart():
    assert found(runs(12, trigger="human")) == []


@pytest.mark.parametrize("every_s", [600.0, 86400.0])
def test_a_scheduled_check_that_is_cheap_may_find_nothing(every_s):
    quiet = runs(30, WORKS, end="ok", trigger="schedule", every_s=every_s)
    assert found(quiet) == []


def test_a_scheduled_check_that_is_dear_and_finds_nothing_is_told_of():
    dear = runs(12, WORKS, end="ok", trigger="schedule", every_s=600.0)
    dear = [type(e)(**{**{f: getattr(e, f) for f in e.__struct_fields__}, "input_tokens": 60_000}) for e in dear]
    answers = found(dear)
    assert answers
    assert {signal.ceiling for _, signal in answers} == {Level.warn}


@pytest.mark.parametrize(("every_s", "most"), [(3600.0, Level.warn), (600.0, Level.pause)])
def test_a_scheduled_check_that_is_dear_is_paused_only_where_it_burns(every_s, most):
    dear = runs(30, WORKS, end="ok", trigger="schedule", every_s=every_s)
    events = [replace(one, input_tokens=60_000, cost_usd=0.2) if one.op == "chat" else one for one in dear]
    answers = found(events)
    assert answers
    assert max(signal.ceiling for _, signal in answers) is most


def test_ten_failures_a_day_are_as_bad_as_six_an_hour():
    answers = found(runs(14, every_s=5400.0))
    assert answers[0][0] == 5
    assert next(at for at, signal in answers if kills(signal)) == 10


def test_runs_side_by_side_are_no_restarts():
    """The same prompt to eight runs at once, none of which has ended when the next one starts."""
    events = sorted(runs(8, WORKS, end=None, every_s=0.2), key=lambda event: event.ts)
    assert found(events) == []


def test_children_are_started_again_by_their_parent():
    events = runs(8, root_run="boss", parent_run="boss")
    answers = found(events)
    assert answers[0][0] == 3
    assert {signal.subject for _, signal in answers} == {root_subject("default", "app", "boss")}


def test_what_is_remembered_is_bounded():
    bench = Bench(Restart(RestartOptions(starts=8, jobs=4)))
    bench.feed_all(observations(runs(200, told=lambda at: f"Handle the order of {prose(at, 6)}", call=FAILS)))
    app = next(iter(bench.population.apps.values()))
    assert len(app.starts) <= 8 * 12
    assert len(app.jobs) <= 4


@pytest.mark.parametrize("options", [RestartOptions(), RestartOptions(warn=2.0, kill=12.0, starts=4, jobs=2)])
def test_it_keeps_the_contract_on_restarts(options):
    names = ("fresh_run_each_retry", "queue_item_reselected", "resumed_after_abort", "nightly_import")
    check_detector(lambda: Restart(options), {name: lambda name=name: scenario(name).make(1).events for name in names})

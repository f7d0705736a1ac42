"""Schedules that beat faster than they say, and spending far beyond the usual while nobody is there."""

import pytest

from agentwatch.detect.unattended import Unattended, UnattendedOptions
from agentwatch.records import Level
from agentwatch.subject import agent_subject, run_subject, task_subject
from agentwatch.testing import Bench, Trace, check_detector, observations
from agentwatch.testing.scenarios import scenario

TOLD = "Read the list of open items and do what is due today."


def beats(count, *, every_s=30.0, cost_usd=0.15, op="heartbeat", **fields):
    """Beat in one run, each beat a chat."""
    trace = Trace(gap_s=0.0)
    trace.cost_usd = cost_usd
    given = {"trigger": "schedule", "interval_s": 1800.0, **fields}
    trace.add(op="run_start", **given)
    for _ in range(count):
        trace.say("Nothing is due.", gap_s=2.0, **given)
        trace.wait(every_s - 2.0)
        if op:
            trace.add(op=op, **given)
    return trace.events


def runs(count, *, every_s=30.0, task="", cost_usd=0.15, agent=lambda at: "clerk"):
    """Beat in a run of its own each time."""
    events = []
    for at in range(count):
        trace = Trace(agent(at), run=f"r{at}", gap_s=0.5)
        trace.now, trace.cost_usd = 1_700_000_000.0 + at * every_s, cost_usd
        trace.say("Nothing is due.", told=TOLD, trigger="schedule", interval_s=1800.0, task=task)
        events += trace.add(op="run_end", status="ok").events
    return events


def signals(events, **options):
    bench = Bench(Unattended(UnattendedOptions(**options)))
    return [one for one in bench.feed_all(observations(events)) if one is not None]


def test_beats_sixty_times_too_fast_that_cost_dollars_an_hour_may_be_killed_for():
    found = signals(beats(12))
    assert found[0].evidence.count == 5
    assert "every 1,800 s" in found[0].reason
    assert any(one.strength >= one.kill_at and one.ceiling is Level.kill for one in found)
    assert found[0].subject == run_subject("default", "app", "run-1")


@pytest.mark.parametrize("cost_usd", [0.0001, None])
def test_cheap_beats_and_those_of_unknown_price_only_warn(cost_usd):
    assert {one.ceiling for one in signals(beats(40, cost_usd=cost_usd))} == {Level.warn}


@pytest.mark.parametrize("every_s", [700.0, 1800.0, 86400.0])
def test_beats_as_declared_are_nothing(every_s):
    assert signals(beats(40, every_s=every_s)) == []
    assert signals(runs(40, every_s=every_s)) == []


def test_signs_of_life_are_no_beats():
    """A heartbeat that no schedule asked for says only that a process lives."""
    trace = Trace(gap_s=1.0)
    for at in range(60):
        trace.say(f"step {at}", interval_s=3600.0).add(op="heartbeat", interval_s=3600.0)
    assert signals(trace.events) == []


def test_a_run_for_each_beat_is_its_task_s_or_its_agent_s():
    found = signals(runs(40, task="inbox"))
    assert {one.subject for one in found} == {task_subject("default", "app", "clerk", "inbox")}
    found = signals(runs(40))
    assert {one.subject for one in found} == {agent_subject("default", "app", "clerk")}
    assert {one.ceiling for one in found} == {Level.throttle}  # never the whole agent


def test_two_schedules_of_one_agent_are_two():
    mixed = [
        type(e)(**{**{n: getattr(e, n) for n in e.__struct_fields__}, "task": f"t{at % 80 // 2}"})
        for at, e in enumerate(runs(40))
    ]
    assert signals(mixed) == []


def test_making_up_for_missed_beats_is_nothing():
    assert signals(runs(4, every_s=5.0) + runs(0)) == []


def asked(turns, *, then, cost_usd=0.05):
    """Be asked so often, a few calls each; then go on alone for `then` calls."""
    trace = Trace(gap_s=5.0)
    trace.cost_usd = cost_usd
    for _ in range(turns):
        trace.say("Here it is.", told=TOLD, trigger="human")
        for _ in range(3):
            trace.say("One more step.", gap_s=3.0)
    for _ in range(then):
        trace.say("And on.", cost_usd=0.5)
    return trace.events


def test_spending_far_beyond_what_it_was_ever_asked_for_warns_and_throttles_at_most():
    found = signals(asked(10, then=30))
    assert found[0].evidence.cost_nusd >= 2_000_000_000
    assert {one.ceiling for one in found} == {Level.throttle}
    assert signals(asked(4, then=30)) == []  # too young to have a usual
    assert signals(asked(10, then=3)) == []  # not worth a word


@pytest.mark.parametrize(
    "options", [UnattendedOptions(), UnattendedOptions(warn=1.5, kill=3.0, wakes=2, spend_usd=0.0)]
)
def test_it_keeps_the_contract_on_schedules(options):
    names = ("unattended_heartbeat", "heartbeat_zombie", "daily_cron")
    check_detector(lambda: Unattended(options), {n: lambda n=n: scenario(n).make(1).events for n in names})

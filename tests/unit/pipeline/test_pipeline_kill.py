"""A kill covers its tree and what is started in its place, is verified or insisted on, and touches nobody else."""

import pytest

from agentwatch.records import Ack, Change, Level, Origin
from agentwatch.subject import run_subject
from agentwatch.testing import Trace


def looping(trace: Trace, count: int, **fields: object) -> Trace:
    for _ in range(count):
        trace.call("read_file", {"path": "a.txt"}, "the same thing again and again", **fields)
    return trace


def killed(path, run: str = "top", **fields: object) -> Trace:
    """Bring a run to its kill, just so."""
    trace = Trace("worker", run=run)
    trace.now = max(trace.now, path.now)
    while not any(d.level is Level.kill for d in path.of(run_subject("default", "app", run))):
        assert len(trace.events) < 20
        path.feed(looping(trace, 1, **fields).events[-1:])
    return trace


def one(path, run: str, agent: str = "worker", **fields: object):
    """One innocent event of another run; gives its kill, if any."""
    trace = Trace(agent, run=run)
    trace.now = path.now
    said = {"op": "chat", "output": f"hello from {run}", "input_tokens": 8, "output_tokens": 2, "model": "gpt-4o"}
    path.feed(trace.add(**{**said, **fields}).events)
    found = path.of(run_subject("default", "app", run))
    return found[0] if found else None


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"parent_run": "top", "root_run": "top", "agent": "helper"}, "names its parent and its root"),
        ({"parent_run": "top", "agent": "helper"}, "names its parent only"),
        ({"root_run": "top", "agent": "helper"}, "names its root only"),
        ({"task": "report"}, "is the same task again"),
    ],
)
def test_a_new_run_under_a_kill_is_killed_at_its_first_event(line, fields, why):
    path = line()
    trace = killed(path, task="report")
    decision = one(path, "new", **fields)
    assert decision is not None, why
    assert (decision.level, decision.origin, decision.change, decision.gate) == (
        Level.kill,
        Origin.tombstone,
        Change.up,
        "",
    )
    assert "top" in decision.reason
    assert decision.evidence.event_ids == (decision.event_id,)
    assert decision.incident == path.of(run_subject("default", "app", trace.run))[-1].incident
    assert path.keys["default/app/run/new"].cmd == "kill"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"task": "invoice"}, "another task"),
        ({}, "no task"),
        ({"task": "report", "agent": "other"}, "another agent"),
        ({"task": "report", "app": "elsewhere"}, "another app"),
        ({"task": "report", "tenant": "other"}, "another tenant"),
        ({"parent_run": "stranger", "root_run": "stranger"}, "another tree"),
    ],
)
def test_an_innocent_run_of_the_same_agent_goes_on(line, fields, why):
    path = line()
    killed(path, task="report")
    before = len(path.decisions)
    one(path, "new", **fields)
    assert len(path.decisions) == before, why
    assert len(path.keys) == 1


def test_grandchildren_are_caught_through_their_parents(line):
    path = line()
    killed(path)
    for parent, run in (("top", "c1"), ("c1", "c2"), ("c2", "c3")):
        assert one(path, run, parent_run=parent, agent="helper") is not None, run


def test_what_ran_below_before_the_kill_is_killed_with_it(line):
    path = line()
    one(path, "top", agent="worker")
    one(path, "c1", parent_run="top", root_run="top", agent="helper")
    one(path, "c2", parent_run="c1", root_run="top", agent="helper")
    one(path, "aside", agent="helper")
    one(path, "done", parent_run="top", root_run="top", agent="helper", op="run_end")
    killed(path)
    assert set(path.keys) == {f"default/app/run/{run}" for run in ("top", "c1", "c2")}
    assert {d.origin for d in path.of("default/app/run/c2")} == {Origin.tombstone}


def test_children_of_a_killed_child_only(line):
    path = line()
    one(path, "top")
    one(path, "mid", parent_run="top", root_run="top")
    one(path, "low", parent_run="mid", root_run="top")
    one(path, "side", parent_run="top", root_run="top")
    path.decide("default/app/run/mid", Level.kill)
    assert set(path.keys) == {"default/app/run/mid", "default/app/run/low"}


def test_a_kill_of_the_root_is_read_by_all_below_it(line):
    path = line()
    one(path, "top")
    path.decide("default/app/root/top", Level.kill)
    assert one(path, "c1", parent_run="top", root_run="top") is None
    assert list(path.keys) == ["default/app/root/top"]


def test_a_resumed_kill_lets_new_runs_live(line):
    path = line()
    trace = killed(path, task="report")
    path.decide(run_subject("default", "app", trace.run), Level.observe)
    assert one(path, "new", task="report") is None


def test_a_tombstone_held_back_by_the_mode_is_released_with_it(line):
    path = line()
    killed(path, task="report")
    path.operate("mode", value="observe")
    assert one(path, "new", task="report").gate == "mode"
    path.operate("mode", value="enforce")
    path.wait(5)
    assert path.keys["default/app/run/new"].cmd == "kill"


def test_silence_verifies_a_kill(line):
    path = line()
    killed(path)
    path.wait(30)
    last = path.of("default/app/run/top")[-1]
    assert (last.change, last.origin, last.level) == (Change.verified, Origin.verify, Level.kill)
    assert path.incidents[-1].state == "resolved"
    assert path.keys["default/app/run/top"].cmd == "kill"  # it stays dead


def test_silence_proves_nothing_while_events_wait_to_be_read(line):
    path = line()
    killed(path)
    for _ in range(10):
        path.now += 10
        path.step(lag=5)
    assert all(d.change is not Change.verified for d in path.decisions)


def test_who_still_spends_after_the_grace_is_told_anew_and_at_last_somebody_is_woken(line):
    path = line()
    trace = killed(path)
    kill = path.keys["default/app/run/top"]
    trace.wait(6)
    start = len(trace.events)
    path.feed(looping(trace, 120).events[start:])
    told = [d for d in path.of("default/app/run/top") if d.origin is Origin.verify]
    assert [d.change for d in told] == [Change.escalated] * 4 + [Change.failed]
    assert path.keys["default/app/run/top"].epoch == told[3].seq > kill.epoch
    assert path.keys["default/app/run/top"].expires_at == kill.expires_at
    assert path.incidents[-1].verified == "failed"


def test_a_call_that_was_under_way_is_no_disobedience(line):
    path = line()
    trace = killed(path)
    trace.wait(8)
    path.feed(trace.say("a long answer", duration_ms=9000).events[-1:])
    assert path.of("default/app/run/top")[-1].change is Change.up


def test_a_refusal_is_answered_at_once(line):
    path = line()
    killed(path)
    command = path.keys["default/app/run/top"]
    path.step(
        acks=[Ack(command=command.id, subject=command.subject, epoch=command.epoch, state="refused", at=path.now)]
    )
    assert path.of("default/app/run/top")[-1].change is Change.escalated
    assert path.keys["default/app/run/top"].epoch > command.epoch


def test_an_operators_kill_is_insisted_on_in_observe_too(line):
    path = line()
    path.operate("mode", value="observe")
    one(path, "top")
    path.decide("default/app/run/top", Level.kill)
    trace = Trace("worker", run="top")
    trace.now = path.now + 10
    for at in range(20):
        trace.say(f"chapter {at} and {at * 13}")
    path.feed(trace.events)
    told = [d for d in path.of("default/app/run/top") if d.change is Change.escalated]
    assert len(told) >= 2
    assert {d.gate for d in told} == {""}

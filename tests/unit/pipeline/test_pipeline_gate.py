"""What holds decisions back in the whole path, what lets them go again, and what an operator may do."""

import msgspec
import pytest

from agentwatch.errors import BadRequest
from agentwatch.records import Change, Level, Origin
from agentwatch.testing import Trace

RUN = "default/app/run/run-1"


def looping(count: int, agent: str = "agent", **fields: object) -> list:
    trace = Trace(agent, **fields)
    for _ in range(count):
        trace.call("read_file", {"path": "a.txt"}, "the same thing again and again")
    return trace.events


def later(path, count: int = 1, **fields: object) -> list:
    """Events of the run that repeat nothing, from now on."""
    trace = Trace(**fields)
    trace.now = path.now
    for at in range(count):
        trace.say(f"chapter {path.now} {at}: something else", id=f"later-{path.now}-{at}")
    return trace.events


def test_in_observe_everything_is_decided_and_nothing_is_done(line):
    path = line("[defaults]\nmode = 'observe'\n")
    path.feed(looping(30))
    assert path.reached(RUN) is Level.kill
    assert {d.gate for d in path.of(RUN) if d.level >= Level.throttle} == {"mode"}
    assert path.keys == {}
    assert path.incidents[-1].gate == "mode"


@pytest.mark.parametrize("by", ["event", "tick"])
def test_what_the_mode_held_back_is_released_once_it_enforces(line, by):
    path = line()
    path.operate("mode", value="observe")
    path.feed(looping(30))
    assert path.keys == {}
    held = path.of(RUN)[-1]
    path.operate("mode", value="enforce")
    path.now += 0.2  # too soon for the tick's turn
    if by == "event":
        path.feed(later(path))
    else:
        path.wait(5)
    released = next(d for d in path.of(RUN) if d.change is Change.released)
    assert (released.gate, released.level, released.incident) == ("", Level.kill, held.incident)
    assert path.keys[RUN].epoch >= released.seq
    assert len([d for d in path.of(RUN) if d.change is Change.released]) == 1


def test_a_held_decision_is_asked_with_the_time_of_the_event_that_asks(line):
    """At ticks its evidence grows old, so only a fresh event of the run can release it."""
    path = line()
    path.operate("mode", value="observe")
    path.feed(looping(30))
    path.wait(600)
    path.operate("mode", value="enforce")
    path.wait(10)
    assert path.keys == {}
    path.feed(later(path))
    assert path.keys[RUN].cmd == "kill"


def test_a_rules_own_mode_is_changed_by_name(line):
    path = line("[[rules]]\nname = 'new'\nmatch.agent = 'agent'\nmode = 'observe'\n")
    path.feed(looping(30))
    assert path.keys == {}
    assert isinstance(path.operate("mode", target="old", value="enforce"), BadRequest)
    assert path.operate("mode", target="new", value="enforce") is None
    path.wait(2)
    assert path.keys[RUN].cmd == "kill"


def test_every_held_decision_has_its_turn_at_the_ticks(line):
    path = line(pipeline=msgspec.convert({"settle_limit": 2}, type(line().config.pipeline)))
    path.operate("mode", value="observe")
    for at in range(7):
        path.feed(looping(10, run=f"r{at}", agent=f"a{at}"))
        assert path.allow(f"default/app/run/r{at}", 10_000) is None or at
    path.operate("mode", value="enforce")
    path.operate("allow_remove", target="default/app/run/r6")
    path.wait(8, step=1)
    assert list(path.keys) == ["default/app/run/r6"]


def test_an_allowed_agent_is_not_touched_until_the_entry_ends(line):
    path = line()
    assert path.allow("default/app/agent/agent", 90) is None
    path.feed(looping(30))
    assert path.keys == {}
    assert {d.gate for d in path.of(RUN)} == {"allow"}
    path.wait(40)
    path.feed(later(path))
    assert path.keys[RUN].cmd == "kill"


def test_the_allow_list_refuses_what_is_over_and_what_is_not_there(line):
    path = line()
    assert isinstance(path.allow("x", -1), BadRequest)
    assert isinstance(path.operate("allow_remove", target="x"), BadRequest)
    assert isinstance(path.operate("allow_add"), BadRequest)
    assert path.allow("x", 60) is None
    assert path.operate("allow_remove", target="x") is None


@pytest.mark.parametrize("subject", [RUN, "default/app/root/run-1", "default/app/agent/agent"])
def test_a_protected_agent_is_touched_by_nobody(line, subject):
    policy = "[[rules]]\nname = 'core'\nmatch = { agent = 'agent', team = 'pay' }\nprotected = true\n"
    path = line(policy)
    path.feed([msgspec.structs.replace(event, team="pay") for event in looping(30)])
    assert {d.gate for d in path.of(RUN) if d.level >= Level.throttle} == {"protected"}
    assert path.decide(subject, Level.kill).gate == "protected"
    assert path.keys == {}


def test_an_operator_stops_and_lets_go_on(line):
    path = line()
    path.feed(looping(2))
    for level in (Level.throttle, Level.pause, Level.kill):
        decision = path.decide(RUN, level, ttl_s=500)
        assert (decision.level, decision.change, decision.origin) == (level, Change.up, Origin.operator)
        assert (decision.author, decision.agent, decision.run) == ("olivia", "agent", "run-1")
        assert path.keys[RUN].cmd == level.name
        assert path.keys[RUN].expires_at == path.now + 500
        assert path.keys[RUN].issued_by == "olivia"
    resumed = path.decide(RUN, Level.observe)
    assert (resumed.change, resumed.previous) == (Change.down, Level.kill)
    assert path.keys == {}
    assert path.pipeline.ledgers.tombstones.match(looping(1)[0]) is None


def test_a_resumed_loop_is_forgiven_what_it_did_and_not_what_it_does(line):
    path = line()
    path.feed(looping(12))
    assert path.keys[RUN].cmd == "kill"
    path.decide(RUN, Level.observe)
    path.feed(looping(14)[12:])
    assert path.keys == {}
    path.feed(looping(60)[14:])
    assert RUN in path.keys


def test_a_decision_is_deleted_by_its_id_or_by_what_it_became(line):
    path = line()
    path.feed(looping(30))
    first = next(d for d in path.of(RUN) if d.level is Level.kill)
    assert path.pipeline.ledgers.standing.get(RUN).id != first.id  # it was issued anew since
    assert isinstance(path.operate("delete", target=first.id), BadRequest)
    assert path.operate("delete", target=first.id, subject=RUN).level is Level.observe
    assert path.keys == {}
    assert isinstance(path.operate("delete", target=first.id, subject=RUN), BadRequest)
    again = path.decide(RUN, Level.pause)
    assert path.operate("delete", target=again.id).level is Level.observe


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"subject": "a/b/c", "level": Level.kill}, "subject"),
        ({"subject": "", "level": Level.kill}, "subject"),
        ({"subject": RUN}, "level"),
        ({"subject": RUN, "level": Level.kill, "ttl_s": 0.0}, "ttl_s"),
        ({"subject": RUN, "level": Level.kill, "ttl_s": float("nan")}, "ttl_s"),
        ({"subject": RUN, "level": Level.kill, "ttl_s": 1e12}, "ttl_s"),
        ({"subject": RUN, "level": Level.throttle, "limit": 0.0}, "limit"),
        ({"subject": RUN, "level": Level.throttle, "limit": -3.0}, "limit"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_by_field_and_changes_nothing(line, fields, field):
    path = line()
    answer = path.operate("decide", **fields)
    assert isinstance(answer, BadRequest)
    assert answer.field == field
    assert path.decisions == []
    assert path.keys == {}


@pytest.mark.parametrize(
    ("subject", "scope"),
    [
        ("default", "tenant"),
        ("default/app", "app"),
        ("default/app/agent/agent", "agent"),
        ("default/app/task/agent+t", "task"),
    ],
)
def test_wide_commands_cover_everything_under_them(line, subject, scope):
    path = line()
    path.decide(subject, Level.throttle, whole_tenant=scope == "tenant")
    assert path.keys[subject].scope == scope
    covered = path.pipeline.ledgers.standing.covering(
        ["default/app/run/x", "default/app/task/agent+t", "default/app/agent/agent", "default/app", "default"], path.now
    )
    assert covered.subject == subject
    # what the throttle makes fail is its own doing, whatever its scope
    trace = Trace(run="x")
    for at in range(30):
        trace.call("search", {"q": f"w{at}"}, None, status="rate_limited", error="429", task="t")
    assert [d for d in path.feed(trace.events) if d.origin is Origin.policy] == []


def test_stale_events_decide_and_do_nothing(line):
    path = line()
    events = looping(30)
    path.now = events[-1].ts + 3600
    path.step([msgspec.json.encode(event) for event in events])
    assert path.reached(RUN) is Level.kill
    assert {d.gate for d in path.of(RUN) if d.level >= Level.throttle} == {"staleness"}
    assert path.keys == {}
    path.feed(later(path))
    assert path.keys[RUN].cmd == "kill"

"""A rule that wants a human's word: asked once everything else lets it pass, answered, or not in time."""

import pytest

from agentwatch import checkpointing
from agentwatch.alert.render import render
from agentwatch.errors import BadRequest
from agentwatch.policy.load import load_policy
from agentwatch.records import Change, Control, Level, Origin
from agentwatch.service.composing import make_pipeline
from agentwatch.testing import Trace

RUN = "default/app/run/run-1"
POLICY = "[defaults]\napprove = ['kill']\napprove_timeout_s = 100\n"


def looping(trace: Trace, count: int, **fields: object) -> list:
    start = len(trace.events)
    for _ in range(count):
        trace.call("read_file", {"path": "a.txt"}, "the same thing again and again", **fields)
    return trace.events[start:]


@pytest.fixture
def trace() -> Trace:
    return Trace()


def test_a_kill_waits_and_says_what_to_type(line, trace):
    path = line(POLICY)
    path.feed(looping(trace, 12))
    held = path.of(RUN)[-1]
    assert (held.level, held.gate) == (Level.kill, "approval")
    assert held.gate_reason == "waits for approval; is dropped after 100 s without an answer"
    assert path.keys[RUN].cmd != "kill"
    told = render(path.incidents[-1])
    assert "waits for approval to be killed" in told.title
    assert f"Approve: agentwatch approve {RUN} --reason" in told.body
    assert f"Deny:    agentwatch deny {RUN} --reason" in told.body


def test_an_approved_kill_is_the_approvers(line, trace):
    path = line(POLICY)
    path.feed(looping(trace, 12))
    path.now += 50
    path.step()
    decided = path.operate("approve", target=path.of(RUN)[-1].id)
    assert (decided.level, decided.gate, decided.change) == (Level.kill, "", Change.released)
    assert (decided.author, decided.comment, decided.origin) == ("olivia", "because", Origin.policy)
    assert path.keys[RUN].cmd == "kill"
    assert path.pipeline.ledgers.gate.breakers(path.now) == ()
    trace.wait(60)
    path.feed(looping(trace, 3))
    assert path.of(RUN)[-1].change is Change.escalated
    assert path.of(RUN)[-1].gate == ""
    assert isinstance(path.operate("approve", target=RUN), BadRequest)


def test_what_follows_from_an_approved_kill_needs_no_further_word(line, trace):
    path = line(POLICY)
    path.feed(looping(trace, 12, task="report"))
    path.operate("approve", target=RUN)
    again = Trace(run="run-2")
    again.now = path.now
    path.feed(again.say("I begin", task="report").events)
    assert path.keys["default/app/run/run-2"].cmd == "kill"


def test_a_denied_loop_is_forgiven_what_it_did_and_asks_again_when_it_goes_on(line, trace):
    path = line(POLICY)
    path.feed(looping(trace, 12))
    denied = path.operate("deny", target=RUN)
    assert (denied.level, denied.author) == (Level.observe, "olivia")
    assert path.keys == {}
    path.feed(looping(trace, 3))
    assert path.keys == {}
    path.feed(looping(trace, 30))
    assert path.of(RUN)[-1].gate == "approval"


def test_what_nobody_answers_is_dropped_and_what_stood_stands_on(line, trace):
    path = line(POLICY)
    path.feed(looping(trace, 12))
    stood = path.keys[RUN].cmd
    path.wait(99)
    assert path.of(RUN)[-1].gate == "approval"
    path.wait(3)
    dropped = path.of(RUN)[-1]
    assert (dropped.change, dropped.previous, dropped.level.name) == (Change.unanswered, Level.kill, stood)
    assert dropped.reason == "nobody approved the kill within 100 s"
    assert path.keys[RUN].cmd == stood == "throttle"
    assert path.incidents[-1].change == "nobody approved the kill in time: throttle again"
    before = len(path.decisions)
    path.wait(60)
    assert not [d for d in path.decisions[before:] if d.gate == "approval"]
    trace.wait(165)
    path.feed(looping(trace, 30))
    assert path.of(RUN)[-1].gate == "approval"


def test_what_nobody_answers_goes_on_where_the_rule_says_so(line, trace):
    path = line(POLICY + "approve_else = 'go'\n")
    path.feed(looping(trace, 12))
    path.wait(110)
    assert [d.change for d in path.of(RUN)[-2:]] == [Change.released, Change.verified]
    assert path.keys[RUN].cmd == "kill"
    assert path.keys[RUN].issued_by == "agentwatch"


def test_somebody_is_asked_only_once_everything_else_lets_it_pass(line, trace):
    path = line(POLICY)
    path.operate("mode", value="observe")
    path.feed(looping(trace, 12))
    assert path.of(RUN)[-1].gate == "mode"
    path.wait(50)
    path.operate("mode", value="enforce")
    path.wait(2)
    asked = path.of(RUN)[-1]
    assert asked.gate == "approval"
    path.wait(90)
    assert path.of(RUN)[-1] == asked
    assert path.pipeline.ledgers.standing.held_by("approval") == [asked]


def test_a_question_survives_a_restart(line, trace):
    path = line(POLICY)
    path.feed(looping(trace, 12))
    stored = checkpointing.dump(path.pipeline, path.now)
    path.pipeline = make_pipeline(path.config, path.rulebook)
    checkpointing.load(path.pipeline, stored)
    path.wait(50)
    assert path.operate("approve", target=RUN).level is Level.kill


def test_an_approval_is_taken_from_the_log_and_not_given_twice(line, trace):
    path = line(POLICY)
    path.feed(looping(trace, 12))
    path.operate("approve", target=RUN)
    control = Control(id="c", kind="approve", at=path.now, author="olivia", target=RUN)
    fresh = make_pipeline(path.config, path.rulebook)
    fresh.recover([], path.decisions, [control])
    assert fresh.ledgers.standing.effective(RUN).author == "olivia"
    assert fresh.positions.seq == path.pipeline.positions.seq


def test_an_unanswered_question_is_read_back_from_the_log(line, trace):
    path = line(POLICY)
    path.feed(looping(trace, 12))
    path.wait(110)
    fresh = make_pipeline(path.config, path.rulebook)
    fresh.recover([], path.decisions)
    for pipeline in (path.pipeline, fresh):
        assert pipeline.ledgers.ladder.level(RUN) is Level.throttle
        assert pipeline.ledgers.standing.held_by("approval") == []


def test_a_protected_agent_cannot_be_approved(line, trace):
    path = line(POLICY)
    path.feed(looping(trace, 12))
    policy = load_policy({"p.toml": (POLICY + "protected = true\n").encode()})
    path.pipeline.adopt(type(path.rulebook)(policy, path.config.detectors, path.config.ladder))
    assert isinstance(path.operate("approve", target=RUN), BadRequest)
    assert path.keys[RUN].cmd == "throttle"


def test_the_lapse_of_a_throttle_is_told_once_and_renewed_by_new_evidence(line, trace):
    path = line("[defaults]\nactions = ['warn', 'throttle']\nttl_s.throttle = 60\n")
    path.feed(looping(trace, 8))
    assert path.keys[RUN].cmd == "throttle"
    path.wait(200)
    lapsed = [d for d in path.of(RUN) if d.change is Change.lapsed]
    assert [(d.level, d.previous, d.gate) for d in lapsed] == [(Level.throttle, Level.throttle, "")]
    assert lapsed[0].reason == "the lease has ended"
    assert path.pipeline.ledgers.ladder.level(RUN) is Level.throttle
    sent = len([c for commit in path.commits for c in commit.commands])
    fresh = make_pipeline(path.config, path.rulebook)
    fresh.recover([], path.decisions)
    assert fresh.ledgers.standing.lapsed(path.now) == []
    again = make_pipeline(path.config, path.rulebook)
    checkpointing.load(again, checkpointing.dump(path.pipeline, path.now))
    assert again.ledgers.standing.lapsed(path.now) == []
    trace.wait(210)
    path.feed(looping(trace, 2))
    assert path.of(RUN)[-1].change is Change.renewed
    assert path.keys[RUN].expires_at > path.now
    assert len([c for commit in path.commits for c in commit.commands]) == sent + 1
    path.wait(100)
    assert len([d for d in path.of(RUN) if d.change is Change.lapsed]) == 2

"""Where partitions share the breaker's limits, a kill waits for the moment that its permit takes, and no longer."""

import msgspec
import pytest

from agentwatch import checkpointing
from agentwatch.keys import Home, partition
from agentwatch.records import Level
from agentwatch.service.composing import make_pipeline
from agentwatch.testing import Trace

RUN = "default/app/run/run-1"
HOME = Home(partition("default", "app", 2), 2)
SCOPES = '["tenant:default","rule:default"]'


@pytest.fixture
def trace() -> Trace:
    return Trace()


@pytest.fixture
def path(line, trace):
    made = line()
    made.pipeline = make_pipeline(made.config, made.rulebook, HOME)
    for _ in range(12):
        trace.call("read_file", {"path": "a.txt"}, "the same thing again and again")
    made.feed(trace.events)
    return made


def grant(path, value: str = "permit", reason: str = "reserved") -> None:
    path.operate("self", value=value, subject=RUN, target=SCOPES, reason=reason)


def test_a_kill_waits_in_silence_and_passes_with_its_permit(path):
    held = path.of(RUN)[-1]
    assert (held.level, held.gate) == (Level.kill, "permit")
    assert path.pipeline.ledgers.gate.permits.lacks(held, path.now) == ("tenant:default", "rule:default")
    assert {incident.gate for incident in path.incidents} == {""}
    assert path.keys[RUN].cmd == "throttle"
    grant(path)
    path.wait(2)
    assert path.keys[RUN].cmd == "kill"
    assert path.incidents[-1].level is Level.kill


def test_a_refusal_is_told_and_asked_again_later(path):
    grant(path, "permit_refused", "breaker tenant:default: 10 of 10 kills of all partitions are used")
    path.wait(2)
    held = path.of(RUN)[-1]
    assert (held.gate, held.gate_reason[:24]) == ("breaker", "breaker tenant:default: ")
    assert path.incidents[-1].gate == "breaker"
    assert path.pipeline.ledgers.gate.permits.lacks(held, path.now) == ()
    path.wait(30)
    assert path.pipeline.ledgers.gate.permits.lacks(held, path.now) != ()
    grant(path)
    path.wait(2)
    assert path.keys[RUN].cmd == "kill"


def test_a_permit_that_is_not_used_in_time_is_void(path):
    path.operate("mode", value="observe")
    grant(path)
    path.wait(12)
    path.operate("mode", value="enforce")
    path.wait(2)
    assert path.keys[RUN].cmd == "throttle"


def test_a_permit_in_hand_survives_a_restart(path):
    path.operate("mode", value="observe")
    grant(path)
    stored = checkpointing.dump(path.pipeline, path.now)
    path.pipeline = make_pipeline(path.config, path.rulebook, HOME)
    checkpointing.load(path.pipeline, stored)
    path.operate("mode", value="enforce")
    path.wait(2)
    assert path.keys[RUN].cmd == "kill"


def test_an_operators_kill_needs_none(path):
    path.decide(RUN, Level.kill)
    assert path.keys[RUN].cmd == "kill"


def test_what_a_kill_reaches_needs_permits_of_its_own(path, trace):
    grant(path)
    path.wait(2)
    child = Trace("helper", run="kid")
    child.now = path.now
    path.feed([msgspec.structs.replace(e, parent_run="run-1", root_run="run-1") for e in child.say("hello").events])
    caught = path.of("default/app/run/kid")[-1]
    assert caught.gate == "permit"
    assert path.pipeline.ledgers.gate.permits.lacks(caught, path.now) == ("tombstone:default",)

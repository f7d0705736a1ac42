"""What is read late, in part or by a clock that was set only observes; a provider that is down gets nobody killed."""

import msgspec
import pytest

from agentwatch.records import Event, Level
from agentwatch.testing import Trace

RUN = "default/app/run/run-1"
encode = msgspec.json.encode


def looping(path, count: int, step_s: float = 2.0, **fields: object) -> list[Event]:
    """Events of a loop that ends now by the source's clock."""
    trace = Trace(**fields)
    trace.now = path.now - step_s * count
    trace.gap_s = step_s
    for at in range(count):
        trace.call("read_file", {"path": "a.txt"}, "the same again", id=f"{path.now}/{fields.get('run', '')}/{at}")
    return trace.events


def read(path, events: list[Event], **tick: int) -> None:
    """Read events one by one, now."""
    for event in events:
        path.step([encode(event)], **tick)


def gates(path, subject: str = RUN) -> set[str]:
    return {d.gate for d in path.of(subject) if d.level >= Level.throttle}


@pytest.mark.parametrize(
    ("disturb", "tick"),
    [
        ("backlog", {"lag": 150_000}),
        ("loss", {"gap": 7}),
        ("clock set back", {}),
        ("clock set ahead", {}),
        ("nothing read for long", {}),
    ],
)
def test_whatever_is_not_fresh_only_observes_and_is_let_go_when_it_is_fresh(line, disturb, tick):
    path = line()
    path.wait(20)
    path.now += {"clock set back": -3600.0, "clock set ahead": 3600.0, "nothing read for long": 90.0}.get(disturb, 0.0)
    read(path, looping(path, 15), **tick)
    assert gates(path) == {"staleness"}
    assert path.keys == {}
    assert path.reached(RUN) is Level.kill, "it is judged all the same"
    path.wait(310 if disturb == "loss" else 70)
    read(path, looping(path, 1))
    assert path.keys[RUN].cmd == "kill"


def test_a_backlog_that_is_caught_up_touches_nobody_for_what_is_long_past(line):
    path = line()
    path.wait(20)
    past = looping(path, 40, run="long-ago", agent="gone")
    path.now += 600
    path.step()
    path.wait(70)
    read(path, past, lag=500)
    assert gates(path, "default/app/run/long-ago") == {"staleness"}
    path.wait(60)
    assert path.keys == {}
    read(path, looping(path, 15))
    assert path.keys[RUN].cmd == "kill"


def test_an_outage_of_the_provider_parks_the_fleet_and_kills_nobody(line):
    path = line()
    failing = [
        Trace(f"agent-{n}", run=f"r{n}", app=f"app-{n % 4}", gap_s=3.0).call("llm", {"n": n}, None) for n in range(24)
    ]
    for at in range(40):
        path.now += 3.0
        fields = {"status": "error", "error": "HTTP 503 Service Unavailable", "ts": path.now}
        batch = [
            encode(msgspec.structs.replace(trace.events[0], id=f"{n}/{at}", **fields))
            for n, trace in enumerate(failing)
        ]
        path.step(batch)
    killed = [d for d in path.decisions if d.level is Level.kill and not d.gate]
    assert killed == []
    assert {command.cmd for command in path.keys.values()} <= {"throttle", "pause"}
    assert [(i.kind, i.state) for i in path.incidents if i.kind == "outage"] == [("outage", "opened")]
    path.wait(130)
    read(path, looping(path, 15, run="after", agent="after"))
    assert path.keys["default/app/run/after"].cmd == "kill"


def test_what_our_own_throttle_does_to_an_agent_never_becomes_evidence_against_it(line):
    path = line()
    read(path, looping(path, 8))
    assert path.keys[RUN].cmd in ("throttle", "warn")
    level = path.pipeline.ledgers.ladder.level(RUN)
    spent = sum(row.events for commit in path.commits for row in commit.ledger.lines())
    for at in range(60):
        path.now += 1.0
        status = ("held", "rate_limited", "denied")[at % 3]
        event = looping(path, 1)[0]
        path.step([encode(msgspec.structs.replace(event, id=f"ours/{at}", status=status, result=None))])
    assert path.pipeline.ledgers.ladder.level(RUN) is level
    assert not [d for d in path.of(RUN) if d.level is Level.kill]
    assert path.pipeline.ledgers.gate.outage(path.now) == ""
    assert sum(row.events for commit in path.commits for row in commit.ledger.lines()) == spent + 60, "it is counted"

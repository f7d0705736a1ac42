"""A silence holds alerts and nothing else: decisions and commands go on, and what is still so is told at its end."""

import msgspec
import pytest

from agentwatch import checkpointing
from agentwatch.errors import BadRequest
from agentwatch.policy.gate import GateOptions
from agentwatch.records import AllowEntry, Control, Level
from agentwatch.testing import Trace

RUN = "default/app/run/r1"


def silence(path, pattern: str = "default/app", seconds: float = 600.0):
    entry = AllowEntry(
        pattern=pattern, author="olivia", comment="a release", created_at=path.now, expires_at=path.now + seconds
    )
    return path.operate("silence_add", entry=entry)


def loop(path, calls: int = 12, run: str = "r1") -> None:
    trace = Trace("worker", run=run)
    trace.now = max(trace.now, path.now)
    for _ in range(calls):
        trace.call("read_file", {"path": "a.txt"}, "the same thing again and again")
    path.feed(trace.events)


def test_who_is_silenced_is_stopped_and_nobody_is_told(line):
    path = line()
    path.now += 1
    assert silence(path) is None
    loop(path)
    assert path.reached(RUN) is Level.kill
    assert path.keys[RUN].cmd == "kill"
    assert path.incidents
    assert {told.silenced for told in path.incidents} == {"olivia: a release"}
    assert all(not d.gate for d in path.of(RUN))


def test_others_are_told_of(line):
    path = line()
    silence(path, "default/app/agent/somebody-else")
    loop(path)
    assert {told.silenced for told in path.incidents} == {""}


def test_what_is_still_so_is_told_when_the_silence_is_over(line):
    path = line()
    silence(path, seconds=120.0)
    loop(path, 5)
    before = len(path.incidents)
    path.wait(200.0)
    (told,) = path.incidents[before:]
    assert (told.state, told.change, told.silenced) == ("updated", "its silence is over", "")
    assert len(path.pipeline.ledgers.silences) == 0


def test_an_operator_ends_it_and_what_is_not_there_is_refused(line):
    path = line()
    silence(path)
    loop(path, 5)
    before = len(path.incidents)
    assert path.operate("silence_remove", target="default/app") is None
    assert [told.silenced for told in path.incidents[before:]] == [""]
    answer = path.operate("silence_remove", target="default/app")
    assert isinstance(answer, BadRequest)
    assert answer.field == "target"


def test_who_heard_of_it_hears_its_end_and_is_not_told_again_meanwhile(line):
    path = line()
    loop(path, 5)
    before = len(path.incidents)
    silence(path)
    (quiet,) = path.incidents[before:]
    assert (quiet.change, quiet.silenced) == ("silenced by olivia", "olivia: a release")
    path.decide(RUN, Level.observe)
    over = path.incidents[-1]
    assert (over.state, over.silenced) == ("resolved", "")


def test_agentwatch_is_told_of_itself_all_the_same(line):
    path = line()
    silence(path, "*")
    path.step(controls=[Control(id="c", kind="self", at=path.now, value="safe", reason="3 unclean starts")])
    assert [told.silenced for told in path.incidents] == [""]


def test_there_are_so_many_at_most(line):
    path = line(gate=GateOptions(max_silences=1))
    assert silence(path, "a/b") is None
    answer = silence(path, "a/c")
    assert isinstance(answer, BadRequest)
    assert "list of silences is full" in answer.reason
    past = AllowEntry(pattern="a/b", author="o", created_at=path.now, expires_at=path.now - 1)
    assert path.operate("silence_add", entry=past).field == "entry.expires_at"


@pytest.mark.parametrize("learnt", [False, True])
def test_it_survives_a_restart(line, learnt):
    """By its checkpoint, or by the wish that is read again."""
    path, fresh = line(), line()
    kept = checkpointing.dump(path.pipeline, path.now)
    silence(path)
    if learnt:
        checkpointing.load(fresh.pipeline, kept)
        fresh.pipeline.recover([], [], [control for _, control in path.batches[-1].controls])
    else:
        checkpointing.load(fresh.pipeline, checkpointing.dump(path.pipeline, path.now))
    fresh.now = path.now + 1
    loop(fresh, 5)
    assert {told.silenced for told in fresh.incidents} == {"olivia: a release"}


def test_an_end_that_fell_into_the_moment_before_a_crash_is_told_after_it(line):
    """What the last tick had not looked at yet is not taken for told because an entry was later."""
    path, fresh = line(), line()
    silence(path, seconds=100.0)
    loop(path, 5)
    kept = checkpointing.dump(path.pipeline, path.now)
    ends = path.pipeline.ledgers.silences.entries(path.now)[0].expires_at
    path.now = ends - 0.3
    path.step()
    path.now = ends + 0.3
    before = len(path.incidents)
    other = Trace("somebody", app="else")
    other.now = path.now
    other.call("read_file", {"path": "b"}, "something")
    path.step([msgspec.json.encode(event) for event in other.events[:1]])
    assert path.incidents[before:] == [], "it is not looked at with every batch"

    checkpointing.load(fresh.pipeline, kept)
    fresh.pipeline.recover(path.batches[-1].entries, [])
    fresh.now = path.now + 5
    fresh.step()
    assert [told.change for told in fresh.incidents] == ["its silence is over"]

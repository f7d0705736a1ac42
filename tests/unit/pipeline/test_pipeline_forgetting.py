"""What stood for a run goes with it: a warning when its run is tracked no longer, a command only with its lease."""

import msgspec
import pytest

from agentwatch import checkpointing
from agentwatch.detect.options import StateOptions
from agentwatch.records import Change, Level, Origin
from agentwatch.service.metering import dropped
from agentwatch.testing import Trace

HOUR_S = 3600.0
LOOPING = "default/app/run/looping"


def warned(path, run: str = "looping", calls: int = 5) -> Trace:
    """Bring a run to its warning, and no further."""
    trace = Trace("worker", run=run)
    trace.now = max(trace.now, path.now)
    for _ in range(calls):
        trace.call("read_file", {"path": "a.txt"}, "the same thing again and again")
    path.feed(trace.events)
    return trace


def another(path, after_s: float = 0.0, run: str = "innocent") -> None:
    """Let the app's clock move on by an event of another run."""
    trace = Trace("helper", run=run)
    trace.now = path.now + after_s
    path.feed(trace.say(f"hello from {run}").events)


def again(path):
    """Take everything over into a fresh pipeline, as a second worker does."""
    kept = checkpointing.dump(path.pipeline, path.now)
    fresh = type(path)(state=path.config.state)
    checkpointing.load(fresh.pipeline, kept)
    return fresh.pipeline


def test_a_warning_ends_with_its_run_and_is_told_in_the_log(line):
    path = line()
    warned(path)
    assert path.reached(LOOPING) is Level.warn
    another(path, 23 * HOUR_S)
    assert path.pipeline.ledgers.standing.get(LOOPING) is not None, "the run is still tracked"
    another(path, 25 * HOUR_S)
    last = path.of(LOOPING)[-1]
    assert (last.level, last.previous, last.change, last.origin) == (
        Level.observe, Level.warn, Change.expired, Origin.policy,
    )  # fmt: skip
    assert "tracked no longer" in last.reason
    ledgers = path.pipeline.ledgers
    assert ledgers.standing.get(LOOPING) is None
    assert ledgers.ladder.subjects() == ()
    assert len(path.pipeline.forgetting) == 0
    assert path.commits[-1].commands == ()


def test_what_was_forgotten_is_counted(line, monkeypatch):
    path = line()
    warned(path)
    another(path, 25 * HOUR_S)
    assert path.pipeline.forgetting.let_go == 1
    hub = type("Quiet", (), {"dropped": 0})()
    assert dropped(path.pipeline, hub)["standing_forgotten"] == 1


def test_what_is_gone_is_taken_once(line):
    """The events that follow it may be placed without the population, which would let go of the list."""
    path = line()
    warned(path)
    another(path, 25 * HOUR_S)
    assert path.pipeline.parts.bank.population.gone == []


def test_a_run_that_made_room_takes_its_warning_with_it(line):
    path = line(state=StateOptions(max_runs=4))
    warned(path)
    for number in range(8):
        another(path, 1.0, run=f"innocent-{number}")
    assert path.of(LOOPING)[-1].change is Change.expired


def test_who_comes_back_is_judged_anew(line):
    path = line()
    warned(path)
    another(path, 25 * HOUR_S)
    before = len(path.of(LOOPING))
    warned(path, calls=3)
    assert len(path.of(LOOPING)) == before, "three calls are no loop yet"
    warned(path)
    came = path.of(LOOPING)[before]
    assert (came.change, came.previous, came.level) == (Change.up, Level.observe, Level.warn)


def test_who_comes_back_in_the_same_batch_is_judged_as_if_it_came_later(line):
    """The level goes with the event that forgets, whatever batch it is in: only the log's word waits for a tick."""

    def moves(batch: int) -> list[tuple]:
        path = line()
        first = warned(path)
        other, back = Trace("helper", run="innocent"), Trace("worker", run="looping")
        other.now = back.now = first.now + 25 * HOUR_S
        back.now += 0.5
        for _ in range(6):
            back.call("read_file", {"path": "a.txt"}, "the same thing again and again")
        path.feed([*other.say("hello").events, *back.events], batch)
        return [(d.event_id, d.level, d.previous) for d in path.of(LOOPING) if d.change is Change.up]

    assert moves(1) == moves(3) == moves(100)
    assert [level for _, level, _ in moves(1)].count(Level.warn) == 2


@pytest.mark.parametrize("level", [Level.throttle, Level.pause, Level.kill])
def test_a_command_stands_until_its_lease_ends_though_its_run_is_forgotten(line, level):
    path = line()
    another(path, run="stopped")
    subject = "default/app/run/stopped"
    path.decide(subject, level, ttl_s=48 * HOUR_S)
    another(path, 25 * HOUR_S)
    path.wait(60.0)
    assert not path.pipeline.parts.bank.population.knows("run", "default", "app", "stopped")
    assert path.keys[subject].cmd == level.name
    assert path.pipeline.ledgers.standing.get(subject) is not None
    path.wait(24 * HOUR_S, step=600.0)
    assert subject not in path.keys
    assert path.pipeline.ledgers.standing.get(subject) is None
    assert len(path.pipeline.forgetting) == 0


def test_a_throttle_of_the_policy_lapses_first_and_is_then_forgotten(line):
    policy = '[defaults]\nactions = ["throttle"]\nttl_s.throttle = 100000\n'
    path = line(policy)
    warned(path, calls=12)
    assert path.keys[LOOPING].cmd == "throttle"
    another(path, 25 * HOUR_S)
    assert path.keys[LOOPING].cmd == "throttle", "forgotten, and its lease runs"
    path.wait(6 * HOUR_S, step=600.0)
    assert [d.change for d in path.of(LOOPING)][-2:] == [Change.lapsed, Change.expired]
    assert path.pipeline.ledgers.ladder.subjects() == ()


def test_much_is_let_go_in_steps(line):
    path = line(state=StateOptions(sweep_s=1.0))
    path.pipeline._options = msgspec.structs.replace(path.pipeline._options, settle_limit=3)
    for number in range(10):
        warned(path, run=f"looping-{number}")
    stood = [d.subject for d in path.pipeline.ledgers.standing if "/agent/" not in d.subject]
    another(path, 25 * HOUR_S)
    path.wait(10.0, step=1.0)
    ended = [[d.subject for d in c.decisions if d.change is Change.expired] for c in path.commits]
    assert max(map(len, ended)) == 3
    assert sorted(subject for some in ended for subject in some) == sorted(stood)


def test_a_second_worker_forgets_at_the_same_event(line):
    path = line(state=StateOptions(sweep_s=1.0))
    path.pipeline._options = msgspec.structs.replace(path.pipeline._options, settle_limit=1)
    for number in range(4):
        warned(path, run=f"looping-{number}")
    another(path, 25 * HOUR_S)
    other = again(path)
    other._options = path.pipeline._options
    path.now += 1.0
    one, two = path.pipeline, other
    for _ in range(5):
        path.now += 1.0
        path.pipeline = one
        first = path.step()
        path.pipeline = two
        assert msgspec.json.encode(path.step()) == msgspec.json.encode(first)
    assert one.ledgers.standing.get("default/app/run/looping-3") is None
    assert checkpointing.dump(one, 0.0) == checkpointing.dump(two, 0.0)


def test_what_was_forgotten_after_a_checkpoint_is_forgotten_after_a_restart_too(line):
    path = line()
    warned(path)
    kept, at = checkpointing.dump(path.pipeline, path.now), len(path.decisions)
    entries = len(path.commits)
    another(path, 25 * HOUR_S)
    warned(path, calls=3)
    fresh = line()
    checkpointing.load(fresh.pipeline, kept)
    read = [entry for commit in path.batches[entries:] for entry in commit.entries]
    fresh.pipeline.recover(read, path.decisions[at:])
    assert fresh.pipeline.ledgers.standing.get(LOOPING) is None
    assert fresh.pipeline.ledgers.ladder.snapshot() == path.pipeline.ledgers.ladder.snapshot()
    assert fresh.step().decisions == ()
    assert len(fresh.pipeline.forgetting) == 0


def test_what_an_older_version_left_behind_is_found_when_its_state_is_read(line):
    path = line()
    warned(path)
    population = path.pipeline.parts.bank.population
    app = population.apps["default", "app"]
    population._lose(app, app.runs["looping"])
    population.gone = []  # as it was when nobody asked
    kept = checkpointing.dump(path.pipeline, path.now)
    old = [raw for raw in kept.chunks if msgspec.msgpack.decode(raw)[0] != "forgetting"]
    fresh = line()
    checkpointing.load(fresh.pipeline, msgspec.structs.replace(kept, chunks=tuple(old)))
    fresh.now = path.now + 5.0
    assert [d.change for d in fresh.step().decisions if d.subject == LOOPING] == [Change.expired]
    assert fresh.pipeline.ledgers.ladder.subjects() == ()

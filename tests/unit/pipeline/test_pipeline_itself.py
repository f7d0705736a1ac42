"""What the daemon finds about itself: safe mode touches nobody, and the canary counts for nobody."""

import msgspec
import pytest

from agentwatch import checkpointing
from agentwatch.alert.render import render
from agentwatch.ingest.flood import FloodOptions
from agentwatch.records import CANARY_TENANT, Change, Control, Entry, Level
from agentwatch.service.composing import make_pipeline
from agentwatch.testing import Trace

RUN = "default/app/run/run-1"
SONG = f"{CANARY_TENANT}/canary-0/run/canary-1"
WHY = "safe mode: 3 unclean starts within 300 s"


def looping(count: int, **fields: object) -> list:
    trace = Trace(**fields)
    for _ in range(count):
        trace.call("read_file", {"path": "a.txt"}, "the same thing again and again", tenant="default")
    return trace.events


def singing(count: int) -> list:
    trace = Trace("canary", run="canary-1", app="canary-0", gap_s=0.2)
    for _ in range(count):
        trace.call("sing", {"song": 1}, "the same song", tenant=CANARY_TENANT, cost_usd=0.5)
    return trace.events


def test_in_safe_mode_everything_is_decided_and_nobody_is_touched(line):
    path = line()
    path.operate("self", value="safe", reason=WHY)
    path.feed(looping(30))
    held = path.of(RUN)[-1]
    assert (held.level, held.gate) == (Level.kill, "mode")
    assert held.gate_reason == f"{WHY} only observes: would kill"
    assert path.keys == {}
    assert path.pipeline.ledgers.gate.mode == "observe"
    told = render(path.incidents[0])
    assert "TOUCHES NOBODY" in told.title
    assert "agentwatch mode set enforce" in told.body
    assert told.severity == "critical"


@pytest.mark.parametrize("by", ["operator", "time"])
def test_safe_mode_is_left_by_an_operator_or_after_a_clean_time(line, by):
    path = line()
    path.operate("self", value="safe", reason=WHY)
    path.operate("self", value="safe", reason=WHY)
    path.feed(looping(30))
    if by == "operator":
        path.operate("mode", value="enforce")
    else:
        path.operate("self", value="safe_over", reason="no crash for 600 s")
    path.wait(5)
    assert path.keys[RUN].cmd == "kill"
    about = [i for i in path.incidents if i.kind == "safe_mode"]
    assert [(i.state, i.seq) for i in about] == [("opened", 1), ("resolved", 2)]
    assert len({i.id for i in about}) == 1


def test_safe_mode_survives_a_restart(line):
    path = line()
    before = checkpointing.dump(path.pipeline, path.now)
    path.operate("self", value="safe", reason=WHY)
    loaded = make_pipeline(path.config, path.rulebook)
    checkpointing.load(loaded, checkpointing.dump(path.pipeline, path.now))
    again = make_pipeline(path.config, path.rulebook)
    checkpointing.load(again, before)
    assert again.ledgers.gate.safe == ""
    again.recover([], [], [Control(id="c", kind="self", at=path.now, value="safe", reason=WHY)])
    for pipeline in (loaded, again):
        assert pipeline.ledgers.gate.safe == WHY
        assert [i.kind for i in pipeline.ledgers.ourselves.open()] == ["safe_mode"]


@pytest.mark.parametrize("mode", ["enforce", "observe"])
def test_a_canary_is_killed_in_any_mode_and_counts_for_nobody(line, mode):
    path = line("[defaults]\nactions = ['warn']\n[defaults.detectors.repeat]\nenabled = false\n")
    path.operate("mode", value=mode)
    path.feed(singing(7), batch=1)
    assert path.keys[SONG].cmd == "kill"
    assert path.keys[SONG].expires_at == path.now + 60
    assert path.incidents == []
    assert [line for commit in path.commits for line in commit.ledger.lines()] == []
    assert path.pipeline.ledgers.gate.breakers(path.now) == ()
    path.wait(70)
    assert [d.change for d in path.of(SONG)][-2:] == [Change.verified, Change.expired]
    assert path.keys == {}
    assert path.incidents == []
    assert path.pipeline.ledgers.gate._activity.tenant(CANARY_TENANT) == 0


def test_a_canary_takes_no_permit_and_none_is_needed(line):
    path = line()
    for at in range(10):
        path.feed(looping(30, run=f"r{at}", agent=f"a{at}"))
    assert all(view.used == 10 for view in path.pipeline.ledgers.gate.breakers(path.now))
    songs = [msgspec.structs.replace(event, ts=path.now + at) for at, event in enumerate(singing(7))]
    path.feed(songs, batch=1)
    assert path.keys[SONG].cmd == "kill"


def test_a_backlog_holds_the_canary_too(line):
    path = line()
    path.step(lag=200_000)
    for event in singing(7):
        path.now = event.ts
        path.step([msgspec.json.encode(event)], lag=200_000)
    assert path.of(SONG)[-1].gate == "staleness"


def test_a_canary_that_lives_is_told_once_until_one_is_killed(line):
    path = line()
    for _ in range(3):
        path.operate("self", value="canary_lives", reason="canary x: not killed within 30 s over redis")
    path.operate("self", value="canary_killed", reason="canary y: killed after 1.2 s")
    path.operate("self", value="canary_killed", reason="canary z: killed after 1.2 s")
    assert [i.state for i in path.incidents] == ["opened", "resolved"]
    assert "NOT killed in time" in render(path.incidents[0]).title
    assert render(path.incidents[1]).severity == "info"


def test_a_flood_from_one_app_is_shed_for_it_alone_and_still_counted_and_priced(line):
    path = line(flood=FloodOptions(events_per_s=4.0, window_s=10))
    noisy = [
        msgspec.structs.replace(event, id=f"n{at}", app="noisy", ts=path.now, run=f"n{at % 50}")
        for at, event in enumerate(looping(400))
    ]
    quiet = [
        msgspec.structs.replace(event, id=f"q{at}", app="quiet", ts=path.now + at * 0.2)
        for at, event in enumerate(looping(30))
    ]
    mixed = [event for part in range(30) for event in (*noisy[part * 13 : part * 13 + 13], quiet[part])]
    for start in range(0, len(mixed), 14):
        path.now = max(path.now, mixed[start + 13].ts)
        path.step([msgspec.json.encode(event) for event in mixed[start : start + 14]])
    flood = path.pipeline.parts.flood
    assert path.keys["default/quiet/run/run-1"].cmd == "kill"
    assert set(flood.shedding()) == {"default/noisy"}
    assert flood.total > 300
    lines = [entry for commit in path.commits for entry in commit.ledger.lines()]
    assert sum(entry.events for entry in lines) == 420
    assert sum(entry.cost_nusd for entry in lines) == sum(round((event.cost_usd or 0) * 1e9) for event in mixed)
    assert not any(commit.dead for commit in path.commits)


def test_what_was_shed_is_the_same_after_a_restart(line):
    flood = FloodOptions(events_per_s=1.0, window_s=10)
    path = line(flood=flood)
    before = checkpointing.dump(path.pipeline, path.now)
    for at in range(60):
        path.step([msgspec.json.encode(looping(1, run=f"r{at}")[0])])
    entries = [
        Entry(f"{int(path.now * 1000)}-{at + 1}", msgspec.json.encode(looping(1, run=f"r{at}")[0])) for at in range(60)
    ]
    again = make_pipeline(path.config, path.rulebook)
    checkpointing.load(again, before)
    again.recover(entries, [])
    assert again.parts.flood.snapshot() == path.pipeline.parts.flood.snapshot()
    assert again.parts.flood.total == 40


@pytest.mark.parametrize("shed", [True, False])
def test_what_was_shed_is_no_evidence(line, shed):
    """A target that fails again and again is found by its error alone, without any fingerprint."""
    path = line(flood=FloodOptions(events_per_s=1.0 if shed else 1000.0, window_s=10))
    path.now += 10 - path.now % 10
    filler = [looping(1, run=f"r{at}")[0] for at in range(20)]
    trace = Trace("worker", run="failing")
    for at in range(30):
        trace.call("fetch", {"url": f"http://a/{at}"}, None, status="error", error="TimeoutError")
    events = [msgspec.structs.replace(event, app="noisy", ts=path.now) for event in (*filler, *trace.events)]
    path.step([msgspec.json.encode(event) for event in events])
    assert path.pipeline.parts.flood.total == (len(events) - 20 if shed else 0)
    assert bool(path.of("default/noisy/run/failing")) is not shed

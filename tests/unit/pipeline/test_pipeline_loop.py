"""A loop on its way through the whole path: climbing, killed, its evidence, its renewal and its decay."""

import json

import msgspec
import pytest

from agentwatch.records import Change, Level, Origin
from agentwatch.testing import Trace

RUN = "default/app/run/run-1"
CALL = ("read_file", {"path": "a.txt"}, "the same thing again and again")


def looping(count: int, **fields: object) -> Trace:
    trace = Trace(**fields)
    for _ in range(count):
        trace.call(*CALL, cost_usd=0.01, model="gpt-4o", input_tokens=800, output_tokens=20)
    return trace


def news(trace: Trace, count: int, **fields: object) -> Trace:
    for at in range(count):
        trace.call(f"tool{at}", {"page": at * 7}, f"chapter {at}: {at}", **fields)
    return trace


def test_a_loop_climbs_step_by_step_and_its_kill_sets_the_control_key(line):
    path = line()
    path.feed(looping(10).events, batch=1)
    ups = [d for d in path.of(RUN) if d.change is Change.up]
    assert [d.level for d in ups] == sorted({d.level for d in ups})
    assert ups[0].level is Level.warn
    assert ups[-1].level is Level.kill
    command = path.keys[RUN]
    assert (command.cmd, command.scope, command.epoch) == ("kill", "run", ups[-1].seq)
    assert command.expires_at == ups[-1].at + 86400
    assert [d.seq for d in path.decisions] == list(range(1, len(path.decisions) + 1))
    assert path.pipeline.positions.index == 10


def test_every_decision_says_why_by_which_rule_and_on_what_evidence(line):
    path = line()
    path.feed(looping(30).events)
    for decision in path.of(RUN):
        assert decision.reason
        assert decision.rule == "default"
        assert decision.rule_digest == path.rulebook.policy.default.digest
    kill = next(d for d in path.of(RUN) if d.level is Level.kill)
    assert kill.evidence.count >= 8
    assert kill.evidence.onset_id in ("run-1/0", "run-1/1")  # the call, or its first repetition
    assert kill.evidence.event_ids[-1] == kill.event_id
    assert kill.evidence.tokens > 0
    assert kill.evidence.cost_nusd > 0
    assert kill.evidence.digests
    assert kill.evidence.samples == ()


def test_text_samples_are_short_and_only_where_the_rule_allows_them(line):
    policy = "[[rules]]\nname = 'open'\nmatch.agent = 'open'\nsamples = true\n"
    path = line(policy)
    long = {"path": "x" * 5000}
    shown, hidden = Trace("open", run="r1"), Trace("shut", run="r2")
    for _ in range(12):
        shown.call("read", long, "line one\n  line two")
        hidden.call("read", long, "line one\n  line two")
    path.feed(shown.events)
    path.feed(hidden.events)
    samples = path.of("default/app/run/r1")[-1].evidence.samples
    assert samples[1] == "line one line two"
    assert samples[0].startswith('read({"path": "xxx')
    assert all(len(sample) <= 200 for sample in samples)
    told = [d for d in path.decisions if d.agent == "shut"]
    assert told
    assert all(d.evidence.samples == () and d.evidence.digests for d in told)
    assert all(i.evidence.samples == () for i in path.incidents if i.agent == "shut")
    assert b"line one" not in msgspec.json.encode(
        [c for c in path.commits if c.decisions and c.decisions[0].agent == "shut"]
    )


def test_samples_go_when_a_reload_forbids_them(line):
    path = line("[defaults]\nsamples = true\n")
    path.feed(looping(30).events)
    assert path.of(RUN)[-1].evidence.samples
    path.pipeline.adopt(line("[defaults]\nsamples = false\n").rulebook)
    path.wait(60)
    assert path.of(RUN)[-1].change is Change.verified
    assert path.of(RUN)[-1].evidence.samples == ()


def test_events_with_one_id_count_once(line):
    once, twice = line(), line()
    trace = looping(6)
    once.feed(trace.events, batch=1)
    twice.feed([event for event in trace.events for _ in range(5)], batch=5)
    assert [d.level for d in twice.decisions] == [d.level for d in once.decisions]
    assert twice.pipeline.parts.bank.fleet.run(RUN).events == 6
    assert sum(ledger.cost_nusd for c in twice.commits for ledger in c.ledger.lines()) == 60_000_000
    assert twice.pipeline.duplicates == 4


def test_duplicates_and_mute_events_are_no_calm(line):
    policy = "[defaults.ladder]\ncalm_events = 3\ncalm_s = 1.0\n[defaults.detectors.compaction]\nenabled = false\n"
    path = line(policy)
    trace = looping(5)
    path.feed(trace.events)
    level = path.of(RUN)[-1].level
    assert level >= Level.warn
    for op in ("heartbeat", "compact", "run_start"):
        for _ in range(10):
            trace.add(op=op)
    trace.events += [trace.events[4]] * 10
    for _ in range(10):
        trace.call(*CALL, status="held")
    assert path.feed(trace.events[5:]) == []
    path.feed(news(trace, 40).events[-40:])
    assert any(d.change is Change.down for d in path.of(RUN))


def test_own_held_events_are_evidence_of_nothing(line):
    path = line()
    trace = Trace()
    for _ in range(40):
        trace.call(*CALL, status="held", error="throttled")
    assert path.feed(trace.events) == []


def test_what_a_standing_command_makes_fail_is_our_own_doing(line):
    path = line()
    path.feed(Trace().say("hello").events)
    path.decide(RUN, Level.throttle)
    trace = Trace()
    trace.events.clear()
    trace.now = path.now
    for at in range(30):
        trace.call("search", {"q": f"word{at}"}, None, status="rate_limited", error="429 throttled", id=f"x{at}")
    assert [d for d in path.feed(trace.events) if d.origin is Origin.policy] == []


def test_a_throttle_is_renewed_while_its_evidence_goes_on_and_lapses_otherwise(line):
    policy = "[defaults]\nactions = ['warn', 'throttle']\nttl_s.throttle = 60\n"
    path = line(policy)
    trace = looping(40, gap_s=5.0)
    path.feed(trace.events, batch=1)
    renewed = [d for d in path.of(RUN) if d.change is Change.renewed]
    assert len(renewed) >= 2
    assert path.keys[RUN].epoch == renewed[-1].seq
    assert path.keys[RUN].expires_at > path.now
    standing = path.pipeline.ledgers.standing
    assert standing.covering([RUN], path.now) is not None
    assert [d.change for d in path.wait(61)] == [Change.lapsed]
    assert standing.covering([RUN], path.now) is None
    assert list(standing.in_force(path.now)) == []


def test_an_operators_throttle_ends_when_he_said_whatever_the_evidence(line):
    path = line("[defaults]\nactions = ['warn']\n")
    trace = looping(3)
    path.feed(trace.events)
    path.decide(RUN, Level.throttle, ttl_s=20, limit=3)
    assert path.keys[RUN].limit == 3
    trace = looping(30)
    path.feed(trace.events[3:])
    ended = [d for d in path.of(RUN) if d.change is Change.expired]
    assert len(ended) == 1
    assert RUN not in path.keys


def test_a_kill_ends_with_its_lease_and_its_subject_starts_anew(line):
    path = line("[defaults]\nttl_s.kill = 100\n")
    trace = looping(30)
    path.feed(trace.events)
    assert path.keys[RUN].cmd == "kill"
    path.wait(110)
    assert path.of(RUN)[-1].change is Change.expired
    assert RUN not in path.keys
    assert path.pipeline.ledgers.ladder.level(RUN) is Level.observe
    trace.wait(200)
    path.wait(90)
    start = len(trace.events)
    for _ in range(30):
        trace.call(*CALL)
    path.feed(trace.events[start:])
    assert path.keys[RUN].cmd == "kill"


def test_decay_writes_every_step_down_and_clears_the_key(line):
    policy = "[defaults]\nactions = ['warn', 'throttle']\n[defaults.ladder]\ncalm_events = 3\ncalm_s = 1.0\n"
    path = line(policy)
    trace = looping(9)
    path.feed(trace.events, batch=1)
    assert path.keys[RUN].cmd == "throttle"
    path.feed(news(trace, 40).events[9:], batch=1)
    downs = [d for d in path.of(RUN) if d.change is Change.down]
    assert [(d.previous, d.level) for d in downs] == [(Level.throttle, Level.warn), (Level.warn, Level.observe)]
    assert RUN not in path.keys
    assert path.incidents[-1].state == "resolved"


def test_a_milder_level_is_never_held_back(line):
    policy = "[defaults]\nactions = ['warn', 'throttle', 'pause']\n[defaults.ladder]\ncalm_events = 3\ncalm_s = 1.0\n"
    path = line(policy)
    trace = looping(20)
    path.feed(trace.events, batch=1)
    assert path.keys[RUN].cmd == "pause"
    path.operate("mode", value="observe")
    path.feed(news(trace, 4).events[20:], batch=1)
    down = next(d for d in path.of(RUN) if d.change is Change.down)
    assert (down.level, down.gate) == (Level.throttle, "")
    assert path.keys[RUN].cmd == "throttle"


def test_dollars_of_listed_models_fill_a_budget(line):
    policy = "[defaults.detectors.ceiling]\nrun_usd = 0.05\nkill = true\n"
    path = line(policy)
    trace = Trace()
    for at in range(12):
        trace.add(
            op="chat", model="gpt-4o", provider="openai", output=f"chapter {at} of {at * 31}",
            input_tokens=2000, output_tokens=500,
        )  # fmt: skip
    path.feed(trace.events, batch=1)
    kill = next(d for d in path.of(RUN) if d.level is Level.kill)
    assert kill.kind == "ceiling"
    # gpt-4o: $2.50 a million in, $10 a million out; so each call costs a cent, and the fifth fills the budget
    assert kill.event_id == "run-1/4"
    assert kill.evidence.cost_nusd == 50_000_000
    assert kill.evidence.digests


def test_dead_letters_take_nothing_from_the_good_events_among_them(line):
    path = line()
    good = [msgspec.json.encode(event) for event in looping(30).events]
    bad = [
        b"{",
        b"\xff\xfe",
        b"[]",
        json.dumps({"agent": 5}).encode(),
        json.dumps({"agent": "a", "ts": 1.7e12}).encode(),
    ]
    path.now += 60
    commit = path.step([piece for pair in zip(good, (bad * 6), strict=True) for piece in pair])
    assert len(commit.dead) == 30
    assert {letter.field for letter in commit.dead} == {"data", "agent", "ts"}
    assert len(commit.entries) == 60
    assert path.pipeline.parts.bank.fleet.run(RUN).events == 30
    assert path.keys[RUN].cmd == "kill"
    assert commit.positions.index == 60


@pytest.mark.parametrize("seconds", [15, 60])
def test_what_is_told_of_a_pause_takes_nothing_from_the_kill_that_waits(line, seconds):
    """A pause stands and the kill waits for the breaker: renewals, findings and escalations are the pause's alone."""
    gate = msgspec.convert({"breaker": {"small_limit": 1}}, type(line().config.gate))
    path = line(gate=gate)
    path.feed(looping(12, run="run-0").events, batch=1)
    assert path.keys["default/app/run/run-0"].cmd == "kill"
    path.decide(RUN, Level.pause)
    path.feed(looping(30).events, batch=1)
    assert path.keys[RUN].cmd == "pause"
    path.wait(seconds)
    waiting = path.pipeline.ledgers.standing.get(RUN)
    assert (waiting.level, waiting.gate) == (Level.kill, "breaker")
    assert path.pipeline.ledgers.ladder.level(RUN) is Level.kill
    told = [d for d in path.of(RUN) if d.origin is Origin.verify]
    assert {d.change for d in told} == {Change.escalated, Change.verified}
    assert {d.level for d in told} == {Level.pause}
    path.operate("breaker_reset")
    trace = Trace()
    trace.now = path.now
    path.feed(trace.call(*CALL, id="fresh").events)
    assert path.keys[RUN].cmd == "kill"
    assert path.of(RUN)[-1].change is Change.released


def test_calm_brings_a_run_down_by_levels_of_its_rule_only(line):
    path = line("[defaults]\nactions = ['warn', 'pause']\n[defaults.ladder]\ncalm_events = 1\ncalm_s = 0.0\n")
    path.feed(news(looping(12), 6).events, batch=1)
    downs = [d.level for d in path.of(RUN) if d.change is Change.down]
    assert Level.pause in {d.level for d in path.of(RUN)}
    assert downs == [Level.warn, Level.observe]

"""The gate: who holds a decision back, in which order, and what it says."""

import pytest
from msgspec.structs import replace

from agentwatch.policy.breaker import BreakerOptions
from agentwatch.policy.gate import Gate, GateOptions
from agentwatch.policy.rules import Rule
from agentwatch.records import AllowEntry, Change, Decision, Event, Level, Origin, Tick

NOW = 1_000_000.0
RULE = Rule(name="default")


def decision(number: int = 0, level: Level = Level.kill, **more) -> Decision:
    fields = {
        "id": f"d-{number}",
        "seq": number + 1,
        "at": NOW,
        "tenant": "acme",
        "app": "crew",
        "agent": "bot",
        "run": f"r{number}",
        "root_run": f"r{number}",
        "subject": f"acme/crew/root/r{number}",
        "kind": "repeat",
        "level": level,
        "change": Change.up,
        "rule": "default",
        "ts": NOW,
    }
    return Decision(**fields | more)


def event(number: int = 0, **more) -> Event:
    fields = {"agent": "bot", "tenant": "acme", "app": "crew", "run": f"r{number}", "root_run": f"r{number}", "ts": NOW}
    return Event(**fields | more)


@pytest.fixture
def gate() -> Gate:
    made = Gate(GateOptions())
    made.tick(Tick(NOW))
    return made


def allow(gate: Gate, pattern: str, ttl_s: float = 3600.0) -> None:
    gate.allow.add(AllowEntry(pattern=pattern, author="ada", comment="a batch", created_at=NOW, expires_at=NOW + ttl_s))


def pass_time(gate: Gate, start: float, end: float) -> None:
    """Tick as a daemon does that reads all the time."""
    while start < end:
        start = min(end, start + 30.0)
        gate.tick(Tick(start))


def fill(gate: Gate, kills: int, **more) -> None:
    for number in range(kills):
        asked = decision(number + 100, **more)
        assert gate.ask(asked, RULE, NOW).gate == ""
        gate.note_decision(asked)


def outage(gate: Gate, runs: int = 10) -> None:
    for number in range(runs):
        gate.note_event(event(number, status="error", error="HTTP 503 from the provider"), "default", NOW)


def test_a_fresh_kill_passes(gate):
    assert gate.ask(decision(), RULE, NOW).gate == ""


def test_every_hold_is_named_in_the_documented_order(gate):
    """Everything holds at once; taking the first hold away names the next."""
    fill(gate, 10)
    outage(gate)
    gate.tick(Tick(NOW + 1, gap=3))
    gate.set_mode("observe")
    allow(gate, "acme/crew/agent/bot")
    rule, ours, asked = replace(RULE, protected=True), True, decision()
    names = [gate.ask(asked, rule, NOW + 1, ours).gate]
    rule = RULE
    names.append(gate.ask(asked, rule, NOW + 1, ours).gate)
    ours = False
    names.append(gate.ask(asked, rule, NOW + 1, ours).gate)
    gate.allow.remove("acme/crew/agent/bot")
    names.append(gate.ask(asked, rule, NOW + 1, ours).gate)
    gate.set_mode("enforce")
    names.append(gate.ask(asked, rule, NOW + 1, ours).gate)
    pass_time(gate, NOW + 1, NOW + 400)
    outage_again = [event(number, status="rate_limited") for number in range(10)]
    for failed in outage_again:
        gate.note_event(failed, "default", NOW + 400)
    fresh = replace(asked, ts=NOW + 400)
    names.append(gate.ask(fresh, rule, NOW + 400).gate)
    for number in range(10):
        gate.note_decision(decision(number + 200, at=NOW + 400))
    pass_time(gate, NOW + 400, NOW + 550)
    names.append(gate.ask(replace(asked, ts=NOW + 550), rule, NOW + 550).gate)
    assert names == ["protected", "own_effect", "allow", "mode", "staleness", "outage", "breaker"]


def test_an_operator_meets_protection_only(gate):
    fill(gate, 10)
    outage(gate)
    gate.set_mode("observe")
    allow(gate, "*")
    asked = decision(origin=Origin.operator)
    assert gate.ask(asked, RULE, NOW, own_effect=True).gate == ""
    assert gate.ask(asked, replace(RULE, protected=True), NOW).gate == "protected"


def test_an_operators_kills_use_no_permits(gate):
    for number in range(50):
        gate.note_decision(decision(number, origin=Origin.operator))
    assert gate.ask(decision(99), RULE, NOW).gate == ""


def test_the_whole_mode_goes_before_a_rules_own(gate):
    observing = replace(RULE, mode="observe")
    assert gate.ask(decision(), observing, NOW).reason == "rule 'default' only observes: would kill"
    gate.set_mode("enforce", "default")
    assert gate.ask(decision(), observing, NOW).gate == ""
    gate.set_mode("observe")
    assert gate.ask(decision(), RULE, NOW).reason == "agentwatch only observes: would kill"
    assert gate.rule_modes() == {"default": "enforce"}


def test_the_allow_list_says_which_entry_and_for_how_long(gate):
    allow(gate, "acme/crew/*", ttl_s=7200)
    assert gate.ask(decision(), RULE, NOW).reason == "allowed by 'acme/crew/*', ada: a batch (2.0 h left)"
    assert gate.ask(decision(), RULE, NOW + 7200).gate == ""


@pytest.mark.parametrize(
    ("pattern", "covers"),
    [
        ("acme", True),
        ("acme/crew", True),
        ("acme/crew/agent/bot", True),
        ("acme/crew/run/r0", True),
        ("acme/crew/root/r0", True),
        ("*/agent/b*", True),
        ("acme/crew/agent/other", False),
        ("acme/crew/agent/bo", False),
        ("acme/cre", False),
    ],
)
def test_an_entry_covers_what_lies_under_it(gate, pattern, covers):
    allow(gate, pattern)
    assert (gate.ask(decision(), RULE, NOW).gate == "allow") is covers


def test_an_old_event_only_observes_and_a_warning_tells_so(gate):
    old = decision(ts=NOW - 121)
    assert gate.ask(old, RULE, NOW).gate == "staleness"
    warned = gate.ask(replace(old, level=Level.warn), RULE, NOW)
    assert (warned.gate, warned.reason) == ("", "stale: the event was 121 s old when it was read (limit 120 s)")


@pytest.mark.parametrize(
    ("tick", "words"),
    [
        (Tick(NOW + 1, lag=100_001), "100,001 events wait"),
        (Tick(NOW + 1, gap=7), "7 events were lost"),
        (Tick(NOW - 10), "went back by 10 s"),
        (Tick(NOW + 61), "nothing was read for 61 s"),
    ],
)
def test_backlog_loss_and_clock_steps_only_observe(gate, tick, words):
    gate.tick(tick)
    answer = gate.ask(decision(ts=tick.at), RULE, tick.at)
    assert answer.gate == "staleness"
    assert words in answer.reason
    later = tick.at + 301
    pass_time(gate, tick.at, later)
    assert gate.ask(decision(ts=later), RULE, later).gate == ""


def test_a_small_wobble_of_the_clock_is_no_step(gate):
    gate.tick(Tick(NOW - 3))
    assert gate.ask(decision(), RULE, NOW).gate == ""


def test_reissued_commands_pass_staleness_and_outage(gate):
    outage(gate)
    assert gate.ask(decision(ts=NOW - 999, origin=Origin.verify, change=Change.escalated), RULE, NOW).gate == ""


def test_relief_is_never_limited_but_stays_within_the_mode(gate):
    outage(gate)
    down = decision(level=Level.throttle, change=Change.down, ts=NOW - 999)
    assert gate.ask(down, RULE, NOW).gate == ""
    gate.set_mode("observe")
    assert gate.ask(down, RULE, NOW).gate == "mode"


def test_an_outage_parks_and_kills_nobody(gate):
    outage(gate)
    killed = gate.ask(decision(), RULE, NOW)
    assert killed.gate == "outage"
    assert killed.reason.startswith("outage: 10 of 10 active runs fail with 429 or 5xx")
    paused = gate.ask(decision(level=Level.pause), RULE, NOW)
    assert (paused.gate, paused.reason[:7]) == ("", "outage:")
    pass_time(gate, NOW, NOW + 200)
    assert gate.ask(decision(ts=NOW + 200), RULE, NOW + 200).gate == ""


def test_half_of_the_runs_failing_is_no_outage(gate):
    outage(gate, 10)
    for number in range(10):
        gate.note_event(event(number + 50, status="ok"), "default", NOW)
    gate.tick(Tick(NOW + 60))
    assert gate.outage(NOW + 61) == ""


def test_own_effects_and_tool_results_that_only_speak_of_errors_are_no_outage(gate):
    for number in range(20):
        gate.note_event(event(number, status="rate_limited"), "default", NOW, own_effect=True)
        gate.note_event(event(number + 20, status="held", error="429"), "default", NOW)
        gate.note_event(event(number + 40, status="ok", error=None), "default", NOW)
        gate.note_event(event(number + 60, status="error", error="file report_503.txt not found"), "default", NOW)
    assert gate.outage(NOW) == ""


def test_the_breaker_counts_a_tenant_and_a_rule_each(gate):
    fill(gate, 10, tenant="other", rule="default")
    answer = gate.ask(decision(), RULE, NOW)
    assert answer.reason == "breaker rule:default: 10 of 10 kills in 300 s are used"
    assert gate.ask(decision(rule="mine"), replace(RULE, name="mine"), NOW).gate == ""


def test_catches_of_a_tombstone_have_a_count_of_their_own(gate):
    fill(gate, 10, origin=Origin.tombstone)
    assert gate.ask(decision(origin=Origin.tombstone), RULE, NOW).gate == "breaker"
    assert gate.ask(decision(), RULE, NOW).gate == ""


def test_a_large_fleet_is_held_to_a_tenth(gate):
    for number in range(200):
        gate.note_event(event(number), "default", NOW)
    fill(gate, 20)
    assert gate.ask(decision(), RULE, NOW).gate == "breaker"


def test_a_subject_that_was_killed_holds_its_permit(gate):
    fill(gate, 10)
    assert gate.ask(decision(105, change=Change.escalated), RULE, NOW).gate == ""


def walk_to_half_open(gate: Gate) -> float:
    fill(gate, 10)
    gate.note_decision(decision(1, gate="breaker"))
    (view, *_) = gate.breakers(NOW)
    assert (view.scope, view.state, view.used, view.allowed) == ("tenant:acme", "open", 10, 10)
    assert gate.ask(decision(1, ts=NOW + 299), RULE, NOW + 299).gate == "breaker"
    later = NOW + 301
    pass_time(gate, NOW, later)
    trial = decision(1, at=later, ts=later)
    assert gate.ask(trial, RULE, later).gate == ""
    gate.note_decision(trial)
    assert {view.state for view in gate.breakers(later)} == {"half_open"}
    assert "waiting for what becomes of acme/crew/root/r1" in gate.ask(decision(2, ts=later), RULE, later).reason
    return later


def test_a_verified_trial_closes_the_breaker(gate):
    later = walk_to_half_open(gate)
    gate.note_decision(decision(1, at=later, change=Change.verified))
    assert gate.ask(decision(2, ts=later), RULE, later).gate == ""


def test_a_trial_that_an_operator_undoes_opens_it_anew(gate):
    later = walk_to_half_open(gate)
    gate.note_decision(decision(1, level=Level.observe, at=later, change=Change.down, origin=Origin.operator))
    assert "open for 0 s" in gate.ask(decision(2, ts=later), RULE, later).reason


def test_no_kill_at_all_where_none_is_allowed():
    gate = Gate(GateOptions(breaker=BreakerOptions(small_limit=0)))
    gate.tick(Tick(NOW))
    answer = gate.ask(decision(), RULE, NOW)
    assert answer.reason == "breaker tenant:acme: 0 of 0 kills in 300 s are used"
    gate.note_decision(decision(gate="breaker"))
    assert {view.state for view in gate.breakers(NOW)} == {"open"}


@pytest.mark.parametrize("step", [86_400.0, -86_400.0])
def test_a_clock_that_is_set_frees_no_permit_and_costs_none(gate, step):
    fill(gate, 10)
    start = NOW + step
    gate.tick(Tick(start))
    pass_time(gate, start, start + 299)
    assert gate.ask(decision(1, ts=start + 299), RULE, start + 299).gate == "breaker"
    pass_time(gate, start + 299, start + 301)
    assert gate.ask(decision(1, ts=start + 301), RULE, start + 301).gate == ""


def test_a_clock_that_is_set_back_keeps_nobody_active_and_no_outage(gate):
    for number in range(100):
        gate.note_event(event(number, status="rate_limited"), "default", NOW)
    gate.tick(Tick(NOW - 86_400))
    pass_time(gate, NOW - 86_400, NOW - 86_000)
    gate.note_decision(decision(1, at=NOW - 86_000))
    assert gate.breakers(NOW - 86_000)[0].allowed == 10
    assert gate.outage(NOW - 86_000) == ""


def test_scopes_whose_window_is_empty_make_room():
    gate = Gate(GateOptions(breaker=BreakerOptions(max_scopes=2)))
    gate.tick(Tick(NOW))
    gate.note_decision(decision(1))
    other = decision(2, tenant="b", rule="b")
    assert "too many scopes" in gate.ask(other, RULE, NOW).reason
    pass_time(gate, NOW, NOW + 301)
    assert gate.ask(replace(other, ts=NOW + 301), RULE, NOW + 301).gate == ""


def test_an_operators_kill_that_is_issued_anew_uses_no_permit(gate):
    for number in range(20):
        insisted = decision(number, origin=Origin.verify, change=Change.escalated, author="ada")
        gate.note_decision(insisted)
    assert gate.ask(decision(99), RULE, NOW).gate == ""


def test_an_operator_resets_a_breaker(gate):
    fill(gate, 10)
    assert gate.reset("tenant:acme")
    assert not gate.reset("tenant:acme")
    assert gate.ask(decision(), RULE, NOW).reason.startswith("breaker rule:")
    assert gate.reset()
    assert gate.ask(decision(), RULE, NOW).gate == ""


def test_runs_that_end_or_fall_silent_are_active_no_more(gate):
    for number in range(100):
        gate.note_event(event(number), "default", NOW)
    for number in range(30):
        gate.note_event(event(number, op="run_end"), "default", NOW + 1)
    fill(gate, 1)
    assert gate.breakers(NOW + 1)[0].allowed == 7
    assert gate.breakers(NOW + 301)[0].allowed == 10


def test_a_restored_gate_answers_alike(gate):
    fill(gate, 10)
    outage(gate, 9)
    gate.set_mode("enforce", "x")
    allow(gate, "acme/crew/run/r7")
    other = Gate(GateOptions())
    other.restore(gate.snapshot())
    assert other.snapshot() == gate.snapshot()
    for asked in (decision(1), decision(7), decision(1, tenant="b", rule="b"), decision(105)):
        assert other.ask(asked, RULE, NOW) == gate.ask(asked, RULE, NOW)
    for each in (gate, other):
        each.note_event(event(9, status="rate_limited"), "default", NOW)
    assert other.outage(NOW) == gate.outage(NOW) != ""


def test_activity_is_bounded_and_says_what_it_dropped():
    gate = Gate(GateOptions())
    small = replace(GateOptions().activity, max_runs=10)
    gate = Gate(replace(GateOptions(), activity=small))
    for number in range(25):
        gate.note_event(event(number), "default", NOW)
    assert gate.dropped()["activity_runs"] == 15

"""Incidents: one for each looping root run and cause, told anew only when on-call has a reason to look again."""

import pytest

from agentwatch.alert.incident import IncidentOptions, Incidents
from agentwatch.records import Change, Decision, Evidence, Level, Origin

NOW = 1000.0
CENT = 10_000_000


def decision(seq: int = 1, level: Level = Level.warn, change: Change = Change.up, **more) -> Decision:
    fields = {
        "id": f"d-{seq}",
        "seq": seq,
        "at": NOW + seq,
        "tenant": "t",
        "app": "x",
        "agent": "a",
        "run": "R",
        "root_run": "R",
        "team": "ops",
        "subject": "t/x/root/R",
        "kind": "repeat",
        "level": level,
        "change": change,
        "reason": "again and again",
        "evidence": Evidence(count=4, since=NOW - 360, last=NOW, cost_nusd=CENT),
        "rule": "default",
    }
    return Decision(**fields | more)


def fold(incidents: Incidents, asked: Decision):
    """As the pipeline does: the decision carries the incident's name before it is folded."""
    named = Decision(**{name: getattr(asked, name) for name in asked.__struct_fields__} | {})
    return incidents.fold(named if named.incident else _named(incidents, named))


def _named(incidents: Incidents, asked: Decision) -> Decision:
    fields = {name: getattr(asked, name) for name in asked.__struct_fields__}
    return Decision(**fields | {"incident": incidents.name(asked)})


@pytest.fixture
def incidents() -> Incidents:
    return Incidents(IncidentOptions())


def test_the_first_warning_opens_it_with_everything_that_on_call_needs(incidents):
    told = fold(incidents, decision())
    assert (told.seq, told.state, told.level, told.change) == (1, "opened", Level.warn, "warn")
    assert (told.agent, told.team, told.root_run, told.kind) == ("a", "ops", "R", "repeat")
    assert (told.cost_nusd, told.cost_per_hour_nusd, told.verified) == (CENT, 10 * CENT, "")
    assert told.id.startswith("i-1-")
    assert incidents.open() == (told,)


def test_every_level_updates_it_and_the_proof_ends_it(incidents):
    ids = [fold(incidents, decision(1)).id]
    ids.append(fold(incidents, decision(2, Level.pause)).id)
    killed = fold(incidents, decision(3, Level.kill))
    assert (killed.verified, killed.seq, killed.decisions) == ("pending", 3, ("d-1", "d-2", "d-3"))
    over = fold(incidents, decision(4, Level.kill, Change.verified, reason="silent for 10 s"))
    assert (over.state, over.verified, over.level, over.change) == (
        "resolved",
        "verified",
        Level.kill,
        "verified: silent for 10 s",
    )
    assert {*ids, killed.id, over.id} == {ids[0]}
    assert incidents.open() == ()


def test_another_cause_or_another_root_is_another_incident(incidents):
    assert fold(incidents, decision(1)).id != fold(incidents, decision(2, kind="cycle")).id
    assert fold(incidents, decision(3, root_run="Q")).state == "opened"
    assert fold(incidents, decision(4, root_run="Q")) is None
    assert len(incidents) == 3


def test_it_is_told_again_when_repeats_or_dollars_doubled(incidents):
    fold(incidents, decision())
    grown = [
        incidents.note("t", "x", "R", "repeat", Evidence(count=count, cost_nusd=cost), NOW + count)
        for count, cost in [(5, CENT), (7, CENT), (8, CENT), (9, CENT), (10, 2 * CENT), (11, 3 * CENT)]
    ]
    assert [told.change if told else None for told in grown] == [
        None,
        None,
        "8 repeats, 4 when last told",
        None,
        "the cost doubled since last told",
        None,
    ]
    assert incidents.note("t", "x", "nobody", "repeat", Evidence(count=99), NOW) is None


def test_a_repeated_decision_of_the_same_level_is_told_only_when_it_grew(incidents):
    fold(incidents, decision())
    assert fold(incidents, decision(2)) is None
    assert fold(incidents, decision(3, evidence=Evidence(count=8))).change.startswith("8 repeats")


def test_down_to_nothing_ends_it_at_the_highest_level_that_it_had(incidents):
    fold(incidents, decision(1))
    fold(incidents, decision(2, Level.pause))
    down = fold(incidents, decision(3, Level.throttle, Change.down))
    assert (down.state, down.level, down.change) == ("updated", Level.throttle, "down to throttle")
    over = fold(incidents, decision(4, Level.observe, Change.down))
    assert (over.state, over.level) == ("resolved", Level.pause)


def test_an_operator_ends_it_by_name_and_opens_none(incidents):
    assert fold(incidents, decision(1, Level.kill, origin=Origin.operator)) is None
    fold(incidents, decision(2))
    over = fold(incidents, decision(3, Level.observe, Change.down, origin=Origin.operator, author="ada"))
    assert (over.state, over.change) == ("resolved", "resume by ada")


def test_observe_mode_tells_what_would_have_been_done_and_release_that_it_is_done(incidents):
    told = fold(incidents, decision(1, Level.kill, gate="mode"))
    assert (told.state, told.gate, told.change, told.verified) == ("opened", "mode", "would kill: held by mode", "")
    done = fold(incidents, decision(2, Level.kill, Change.released))
    assert (done.gate, done.change, done.verified) == ("", "kill, no longer held back", "pending")


@pytest.mark.parametrize("gate", ["allow", "own_effect"])
def test_what_is_allowed_is_not_told_and_allowing_it_ends_it(incidents, gate):
    assert fold(incidents, decision(1, gate=gate)) is None
    fold(incidents, decision(2))
    over = fold(incidents, decision(3, Level.kill, gate=gate, gate_reason="by ada"))
    assert (over.state, over.change) == ("resolved", f"held by {gate}: by ada")


def test_a_stop_without_effect_is_told_as_such(incidents):
    fold(incidents, decision(1, Level.kill))
    again = fold(incidents, decision(2, Level.kill, Change.escalated, origin=Origin.verify))
    assert (again.change, again.verified) == ("kill issued anew", "pending")
    failed = fold(incidents, decision(3, Level.kill, Change.failed, origin=Origin.verify, reason="still spends"))
    assert (failed.verified, failed.change) == ("failed", "kill has no effect: still spends")
    assert fold(incidents, decision(4, Level.kill, Change.verified)).state == "resolved"


def test_an_outage_is_told_once_for_its_tenant(incidents):
    told = [
        fold(
            incidents, decision(number, Level.kill, root_run=f"R{number}", gate="outage", gate_reason="outage: 9 of 9")
        )
        for number in range(1, 30)
    ]
    assert [bool(one) for one in told] == [True] + [False] * 28
    assert (told[0].kind, told[0].root_run, told[0].reason) == ("outage", "", "outage: 9 of 9")
    assert fold(incidents, decision(40, gate_reason="outage: 9 of 9", root_run="warned")) is None
    (over,) = incidents.tick(NOW + 400)
    assert over.state == "resolved"


def test_after_an_outage_a_real_loop_is_an_incident_of_its_own(incidents):
    held = _named(incidents, decision(1, Level.kill, gate="outage", gate_reason="outage: 9 of 9"))
    outage = incidents.fold(held)
    fields = {name: getattr(held, name) for name in held.__struct_fields__}
    released = Decision(**fields | {"seq": 2, "gate": "", "gate_reason": "", "change": Change.released})
    told = incidents.fold(Decision(**fields | {"seq": 2, "gate": "", "gate_reason": "", "change": Change.released,
                                               "incident": incidents.name(released)}))  # fmt: skip
    assert told.state == "opened"
    assert (told.kind, told.id != outage.id) == ("repeat", True)


def test_what_comes_back_goes_on_as_the_same_incident_without_an_alert_each_time(incidents):
    first = fold(incidents, decision(1, Level.kill))
    fold(incidents, decision(2, Level.kill, Change.verified))
    told = []
    for number in range(3, 103, 2):
        caught = {"origin": Origin.tombstone, "root_run": f"R{number}", "run": f"R{number}", "incident": first.id}
        told.append(fold(incidents, decision(number, Level.kill, **caught)))
        told.append(fold(incidents, decision(number + 1, Level.kill, Change.verified, **caught)))
    said = [one.change for one in told if one]
    assert said == [f"started anew as run R{n}: kill" for n in (3, 5, 9, 17, 33, 65)]
    assert {one.id for one in told if one} == {first.id}
    assert incidents.tick(NOW + 130) == ()
    (over,) = incidents.tick(NOW + 103 + 60)
    assert (over.state, over.change) == ("resolved", "it came back no more")


def test_it_ends_when_its_run_ended_and_is_quiet_or_nothing_is_heard(incidents):
    fold(incidents, decision(1))
    fold(incidents, decision(2, root_run="Q"))
    incidents.run_ended("t", "x", "R", NOW + 10)
    assert incidents.tick(NOW + 69) == ()
    (over,) = incidents.tick(NOW + 70)
    assert (over.root_run, over.change) == ("R", "the run ended")
    (stale,) = incidents.tick(NOW + 90_000)
    assert (stale.root_run, stale.change) == ("Q", "nothing was heard of it")


def test_it_is_bounded_and_counts_what_it_dropped():
    incidents = Incidents(IncidentOptions(max_open=3, max_decisions=2))
    for number in range(1, 6):
        fold(incidents, decision(number, root_run=f"R{number}"))
    assert (len(incidents), incidents.dropped) == (3, 2)
    for number in range(6, 10):
        fold(incidents, decision(number, tuple(Level)[number % 4 + 1], root_run="R5"))
    assert len(incidents.open()[-1].decisions) == 2


def test_it_survives_a_restart(incidents):
    fold(incidents, decision(1))
    fold(incidents, decision(2, Level.kill, root_run="Q"))
    fold(incidents, decision(3, Level.kill, Change.verified, root_run="Q"))
    again = Incidents(IncidentOptions())
    again.restore(incidents.snapshot())
    assert again.snapshot() == incidents.snapshot()
    for asked in (decision(4, Level.pause), decision(5, kind="cycle"), decision(6, Level.observe, Change.down)):
        assert fold(again, asked) == fold(incidents, asked)

"""Signals to verdicts: who leads, how sure, what speaks for and against."""

import pytest

from agentwatch.records import Level, Signal
from agentwatch.verdict import fold, justified, progress


def signal(kind="repeat", subject="t/a/run/r", strength=1.0, **fields):
    given = {"kill_at": 3.0, "reason": f"{kind} it is", "confidence": 0.5}
    return Signal(kind=kind, subject=subject, strength=strength, **{**given, **fields})


def test_nothing_gives_nothing():
    assert fold([]) == []


def test_one_signal_is_its_own_verdict():
    one = signal(speaks_for=("a",), speaks_against=("b",))
    (verdict,) = fold([one])
    assert (verdict.lead, verdict.confidence, verdict.level) == (one, 0.5, Level.warn)
    assert (verdict.speaks_for, verdict.speaks_against) == (("a",), ("b",))


def test_one_verdict_a_subject_in_the_order_they_came():
    found = fold([signal(subject="t/a/run/2"), signal(subject="t/a/run/1"), signal("cycle", subject="t/a/run/2")])
    assert [verdict.subject for verdict in found] == ["t/a/run/2", "t/a/run/1"]


def test_the_higher_level_leads_then_the_longer_way():
    soft = signal("stagnation", strength=9.0, ceiling=Level.pause)
    hard = signal("repeat", strength=3.0)
    assert fold([soft, hard])[0].lead is hard
    near, far = signal("cycle", strength=1.5, kill_at=1.7), signal(strength=2.0)
    assert fold([far, near])[0].lead is near


def test_witnesses_add_to_the_confidence_and_to_the_reasons():
    (verdict,) = fold([signal(strength=2.0), signal("cycle", speaks_against=("calm",))])
    assert verdict.confidence == pytest.approx(0.75)
    assert "cycle: cycle it is" in verdict.speaks_for
    assert verdict.speaks_against == ("calm",)


@pytest.mark.parametrize(
    ("strength", "ceiling", "level"),
    [
        (0.9, Level.kill, Level.observe),
        (1.0, Level.kill, Level.warn),
        (3.0, Level.kill, Level.kill),
        (30.0, Level.pause, Level.pause),
        (30.0, Level.warn, Level.warn),
    ],
)
def test_a_signal_justifies_no_more_than_its_ceiling(strength, ceiling, level):
    assert justified(signal(strength=strength, ceiling=ceiling)) is level


def test_progress_runs_from_warning_to_kill():
    assert progress(signal(strength=1.0)) == 0.0
    assert progress(signal(strength=2.0)) == 0.5
    assert progress(signal(strength=3.0)) == 1.0

"""Time and money in every judgement: cents a day warn, dollars an hour hasten, leisure pauses."""

import pytest

from agentwatch.detect.bank import Bank
from agentwatch.detect.options import DetectOptions, StateOptions, merge
from agentwatch.detect.stakes import Stakes, StakesOptions
from agentwatch.records import Evidence, Level, Signal
from agentwatch.testing import Trace, observations

CALL = (
    "search",
    {"query": "quarterly report of the year"},
    "three documents: the alpha, the beta and the gamma report",
)


def signal(usd, seconds, *, count=10, strength=2.0, kind="repeat", ceiling=Level.kill, unpriced=0):
    evidence = Evidence(
        count=count, since=1000.0, last=1000.0 + seconds, cost_nusd=int(usd * 1e9), tokens=1000, unpriced=unpriced
    )
    return Signal(
        kind=kind, subject="default/app", strength=strength, kill_at=3.0, ceiling=ceiling, reason="r", evidence=evidence
    )


def weigh(given, **options):
    return Stakes(StakesOptions(**options)).weigh(given)


def test_cents_a_day_warn_whatever_the_evidence():
    found = weigh(signal(0.001, 3600.0, strength=10.0))
    assert (found.ceiling, found.speaks_against) == (Level.warn, ("it costs $0.02 a day",))
    assert found.strength < found.kill_at  # so that it can still grow, once it costs more


@pytest.mark.parametrize("given", [signal(0.0, 30.0), signal(0.001, 300.0, unpriced=2), signal(0.01, 60.0)])
def test_what_is_not_known_or_neither_cheap_nor_dear_stays_as_it_is(given):
    assert weigh(given) is given


def test_dollars_an_hour_are_slowed_down_at_once_and_climb_faster():
    first = weigh(signal(1.0, 600.0, strength=1.0))
    assert first.strength == pytest.approx(1.7)
    assert "$6.00 an hour" in first.speaks_for[-1]
    dear, dearer = weigh(signal(1.0, 600.0, strength=1.6)), weigh(signal(10.0, 600.0, strength=1.6))
    assert 1.6 < dear.strength < dearer.strength < 3.0
    assert weigh(signal(0.4, 60.0, strength=1.0)).strength == 1.0  # not enough is gone


def test_money_is_no_evidence_for_a_kill():
    assert weigh(signal(500.0, 600.0, strength=2.9)).strength < 3.0
    assert weigh(signal(500.0, 600.0, strength=3.0)).strength == 3.0
    assert weigh(signal(500.0, 600.0, strength=1.5, ceiling=Level.pause)).ceiling is Level.pause


def test_at_leisure_a_pause_is_enough_unless_money_burns():
    assert weigh(signal(0.0, 3600.0)).ceiling is Level.pause
    assert weigh(signal(20.0, 3600.0)).ceiling is Level.kill
    assert weigh(signal(0.0, 270.0)).ceiling is Level.kill


@pytest.mark.parametrize("kind", ["slow", "restart", "unattended", "rate", "ceiling"])
def test_what_is_about_time_and_money_is_left_alone(kind):
    given = signal(0.001, 36_000.0, kind=kind)
    assert weigh(given) is given


def test_it_can_be_switched_off():
    given = signal(0.001, 3600.0)
    assert weigh(given, enabled=False) is given


def strongest(gap_s, cost_usd, count=40, **tables):
    """Make the same call so often; give the hardest level that any signal could justify, and its strength."""
    trace = Trace(gap_s=gap_s)
    for _ in range(count):
        trace.call(*CALL, cost_usd=cost_usd, model="m", input_tokens=500)
    bank, options = Bank(StateOptions()), merge(DetectOptions(), tables)
    best = (Level.observe, 0.0)
    for seen in observations(trace.events):
        for one in bank.observe(seen, bank.admit(seen.event), options):
            level = one.ceiling if one.strength >= one.kill_at else min(one.ceiling, Level.throttle)
            best = max(best, (level, one.strength), key=lambda pair: (pair[0].height, pair[1]))
    return best


def test_a_poll_each_half_minute_and_a_spin_differ_with_equal_content():
    spin, poll = strongest(0.2, None, 14), strongest(30.0, None, 14)
    assert spin[0] is Level.kill
    assert poll[0] < Level.kill


def test_the_same_loop_by_what_it_costs():
    assert strongest(5.0, 0.00001)[0] is Level.warn
    assert strongest(5.0, 0.05)[0] is Level.kill
    assert strongest(5.0, 0.00001, stakes={"enabled": False})[0] is Level.kill


def test_at_leisure_it_pauses_once_dollars_went_for_nothing():
    hourly = signal(2.5, 12 * 3600.0, count=13, strength=1.2, ceiling=Level.warn)
    found = weigh(hourly)
    assert (found.ceiling, found.speaks_for) == (Level.pause, ("$2.50 went, and nothing new came",))
    assert 2.9 < found.strength < 3.0
    assert weigh(signal(2.5, 12 * 3600.0, count=11, strength=1.2)).strength == 1.2  # not often enough
    assert weigh(signal(1.5, 12 * 3600.0, count=13, strength=1.2)).strength == 1.2  # too little is gone
    assert weigh(signal(2.5, 12 * 3600.0, count=13, strength=1.2, unpriced=1)).strength == 1.2  # not known
    assert weigh(hourly, waste_usd=5.0).ceiling is Level.warn

"""Time and money in every judgement: cents a day warn, dollars an hour hasten, leisure pauses."""

import pytest
from msgspec import convert
from msgspec.structs import replace

from agentwatch.detect import evidence
from agentwatch.detect.bank import Bank
from agentwatch.detect.options import DetectOptions, StateOptions, merge
from agentwatch.detect.stakes import Stakes, StakesOptions
from agentwatch.detect.timetable import keeps_time
from agentwatch.policy.ladder import Ladder, LadderOptions
from agentwatch.records import Evidence, Level, Signal
from agentwatch.testing import Trace, observations
from agentwatch.verdict import fold

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


def test_a_loop_that_may_be_killed_for_is_not_left_in_a_pause_by_being_dear():
    """Play to a guard that obeys: at a pause nothing comes any more, at a throttle less."""
    for usd in (0.00005, 0.02, 0.2):
        last, events = obeyed(usd)
        assert last is Level.kill
        assert events <= 12
    first, _ = obeyed(0.2, ladder={"pause_before_kill": True})
    assert first is Level.pause
    slow, fast = obeyed(0.00005, ladder={"pause_before_kill": True}), obeyed(0.2, ladder={"pause_before_kill": True})
    assert (slow[0], fast[0]) == (Level.pause, Level.pause)
    assert fast[1] < slow[1]


def obeyed(cost_usd, ladder=None):
    """Make the same call until it is stopped; gives the last level, and how many calls it took."""
    trace = Trace(gap_s=1.0)
    for _ in range(40):
        trace.call(*CALL, cost_usd=cost_usd, model="m", input_tokens=500)
    bank, climbed = Bank(StateOptions()), Ladder(convert(ladder or {}, LadderOptions))
    for at, seen in enumerate(observations(trace.events)):
        for verdict in fold(bank.observe(seen, bank.admit(seen.event), DetectOptions())):
            climbed.climb(verdict, seen.now)
        if (level := climbed.level("default/app/run/run-1")) >= Level.pause:
            return level, at + 1
    return Level.observe, 40


@pytest.mark.parametrize(("usd", "most"), [(2.5, Level.warn), (5.9, Level.warn), (8.0, Level.pause)])
def test_what_a_clock_brings_again_warns_unless_it_burns(usd, most):
    given = signal(usd, 12 * 3600.0, count=13, strength=1.2, ceiling=Level.pause)
    found = Stakes(StakesOptions()).weigh(given, on_time=True)
    assert found.ceiling is most
    assert ("by the clock" in " ".join(found.speaks_against)) is (most is Level.warn)


@pytest.mark.parametrize(
    ("gaps", "expected"), [([300.0], True), ([300.0, 340.0], True), ([300.0, 90.0], False), ([20.0], False)]
)
def test_a_clock_is_told_by_even_gaps_of_a_minute_and_more(gaps, expected):
    trace = Trace()
    for at in range(8):
        trace.call(*CALL)
        trace.now += gaps[at % len(gaps)]
    assert on_time(trace.events) is expected


def test_a_declared_schedule_keeps_time_from_its_first_beat():
    assert on_time(Trace().call(*CALL, trigger="schedule").events) is True
    assert on_time(Trace().call(*CALL).events) is False


def on_time(events):
    bank, told = Bank(StateOptions()), False
    for seen in observations(events):
        scope = bank.admit(seen.event)
        evidence.read(seen, scope)
        told = keeps_time(seen, scope)
        bank.observe(seen, scope, DetectOptions())
    return told


def test_a_small_check_by_the_clock_that_costs_cents_a_day_is_nobodys_business():
    small = signal(0.02, 12 * 3600.0, count=13, strength=1.2)
    weigh_on_time = Stakes(StakesOptions()).weigh
    assert weigh_on_time(small, on_time=True) is None
    whole_context = replace(small, evidence=replace(small.evidence, tokens=13 * 50_000))
    found = weigh_on_time(whole_context, on_time=True)
    assert found is not None
    assert found.ceiling is Level.warn
    assert weigh_on_time(small) is not None
    assert weigh_on_time(signal(0.0, 12 * 3600.0, count=13), on_time=True) is not None  # what it costs is not known


def test_waste_at_leisure_does_not_end_lower_than_it_would_have():
    burning = signal(30.0, 12 * 3600.0, count=13, strength=1.5)
    found = weigh(burning)
    assert found.ceiling is Level.kill
    assert burning.strength < found.strength < found.kill_at
    assert weigh(replace(burning, ceiling=Level.warn)).ceiling is Level.pause

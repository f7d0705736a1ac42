import math
import random

import pytest

from agentwatch.detect.bank import Bank, build
from agentwatch.detect.ceiling import Ceiling, CeilingOptions
from agentwatch.detect.options import DetectOptions, StateOptions, merge
from agentwatch.detect.pace import run_length, threshold
from agentwatch.detect.rate import RateOptions
from agentwatch.errors import BadConfig
from agentwatch.policy.ladder import LadderOptions
from agentwatch.records import Event, Level, Observation, Prints


class Fleet:
    def __init__(self, **options):
        self.bank = Bank(StateOptions())
        self.options = DetectOptions(**options)
        self.index = 0

    def event(self, ts, cost_usd=None, agent="bot", run="r1", **fields):
        given = {"tenant": "default", "app": "shop", "run": run, "root_run": run, **fields}
        event = Event(agent=agent, ts=ts, id=str(self.index), **given)
        scope = self.bank.admit(event)
        cost = None if cost_usd is None else round(cost_usd * 1e9)
        seen = Observation(self.index, f"{self.index}-0", scope.app.clock, event, Prints(), cost)
        self.index += 1
        found = self.bank.observe(seen, scope, self.options)
        return [signal for signal in found if signal.kind in ("rate", "ceiling")]


def levels(signal):
    hard = signal.strength >= signal.kill_at
    return signal.ceiling if hard else min(Level.warn, signal.ceiling)


def test_a_budget_warns_at_four_fifths_and_pauses_at_the_whole():
    fleet = Fleet(ceiling=CeilingOptions(run_turns=10))
    answers = [fleet.event(float(at)) for at in range(12)]
    assert [len(one) for one in answers] == [0] * 7 + [1] * 5
    assert [levels(one[0]) for one in answers[7:]] == [Level.warn] * 2 + [Level.pause] * 3
    strengths = [one[0].strength for one in answers[7:]]
    assert strengths[0] == pytest.approx(1.0)
    assert strengths[2] == pytest.approx(2.0)
    assert strengths == sorted(strengths)
    assert answers[7][0].reason == "8 turns of 10 turns for the run: at this rate used up in 2 s"
    assert answers[7][0].evidence.count == 8


def test_a_budget_kills_only_where_it_is_told_to():
    fleet = Fleet(ceiling=CeilingOptions(run_usd=1.0, kill=True))
    assert levels(fleet.event(0.0, 0.9)[0]) is Level.warn
    signal = fleet.event(1.0, 0.2)[0]
    assert levels(signal) is Level.kill
    assert "$1.10 of $1.00" in signal.reason


def test_each_budget_is_about_the_thing_whose_budget_it_is():
    limits = CeilingOptions(run_tokens=100, root_s=50.0, agent_day_usd=1.0, app_day_turns=3)
    fleet = Fleet(ceiling=limits)
    for at in range(4):
        fleet.event(at * 20.0, 0.3, run=f"r{at}", root_run="top", input_tokens=10, output_tokens=15)
    subjects = {signal.subject for signal in fleet.event(100.0, 0.3, run="r0", root_run="top", input_tokens=90)}
    assert subjects == {"default/shop/run/r0", "default/shop/root/top", "default/shop/agent/bot", "default/shop"}


def test_days_begin_anew_at_midnight_utc():
    fleet = Fleet(ceiling=CeilingOptions(agent_day_turns=3))
    assert [len(fleet.event(86390.0 + at)) for at in range(3)] == [0, 0, 1]
    assert fleet.event(86400.0) == []


def test_unpriced_calls_are_told_beside_a_budget_in_dollars():
    fleet = Fleet(ceiling=CeilingOptions(run_usd=1.0))
    fleet.event(0.0, None, input_tokens=5)
    assert fleet.event(1.0, 0.85)[0].speaks_against == ("1 call is unpriced and not in the dollars",)


def test_no_limits_cost_nothing_and_disabled_detectors_are_left_out():
    assert not any(isinstance(one, Ceiling) for one in build(DetectOptions()))
    limited = DetectOptions(ceiling=CeilingOptions(run_turns=5, app_day_usd=1.0))
    assert [one.extent for one in build(limited) if isinstance(one, Ceiling)] == ["run", "app_day"]
    off = DetectOptions(ceiling=CeilingOptions(run_turns=5, enabled=False), rate=RateOptions(enabled=False))
    assert {one.kind for one in build(off)} & {"ceiling", "rate"} == set()


@pytest.mark.parametrize(("h", "samples"), [(5.0, 930), (12.0, 1e6), (14.3, 1e7)])
def test_run_length_agrees_with_published_figures(h, samples):
    assert run_length(0.5, h) == pytest.approx(samples, rel=0.06)


@pytest.mark.parametrize("samples", [1e3, 1e6, 1.3e8])
@pytest.mark.parametrize("k", [0.25, 0.5, 1.0])
def test_the_threshold_gives_the_wanted_run_length(k, samples):
    h = threshold(k, samples)
    assert run_length(k, h) == pytest.approx(samples, rel=0.01)


def test_run_length_holds_in_simulation():
    draw = random.Random(7)
    h, lengths = threshold(0.5, 500.0), []
    for _ in range(400):
        total, length = 0.0, 0
        while total <= h:
            total = max(0.0, total + draw.gauss(0.0, 1.0) - 0.5)
            length += 1
        lengths.append(length)
    assert sum(lengths) / len(lengths) == pytest.approx(500.0, rel=0.2)


def minutes(fleet, start, count, per_minute, cost_usd=0.001, tokens=500):
    found = []
    for minute in range(count):
        for at in range(per_minute):
            ts = start + minute * 60.0 + at * 60.0 / per_minute
            found += fleet.event(ts, cost_usd, input_tokens=tokens)
    return found


def test_a_lasting_rise_over_ones_own_past_warns_and_money_throttles():
    fleet = Fleet()
    assert minutes(fleet, 0.0, 120, 2) == []
    found = minutes(fleet, 7200.0, 20, 40, cost_usd=0.02, tokens=1000)
    assert found
    first = found[0]
    assert first.subject == "default/shop/agent/bot"
    assert levels(first) is Level.warn
    assert first.ceiling is Level.throttle
    assert 7200.0 <= first.evidence.since <= 7260.0
    assert first.evidence.onset_index >= 240
    assert "dollars" in first.reason
    assert all(signal.strength < signal.kill_at for signal in found)
    way = [(signal.strength - 1.0) / (signal.kill_at - 1.0) for signal in found]
    assert way[0] < LadderOptions().throttle_at <= way[-1]


def test_calls_alone_warn_at_most():
    fleet = Fleet()
    minutes(fleet, 0.0, 120, 2, cost_usd=0.0, tokens=0)
    found = minutes(fleet, 7200.0, 30, 40, cost_usd=0.0, tokens=0)
    assert {signal.ceiling for signal in found} == {Level.warn}
    assert "calls" in found[0].reason


def test_a_burst_at_the_start_and_a_perfectly_regular_past_accuse_nobody():
    assert minutes(Fleet(), 0.0, 25, 60) == []
    assert minutes(Fleet(), 0.0, 400, 3) == []
    fleet = Fleet()
    assert minutes(fleet, 0.0, 3, 60) + minutes(fleet, 180.0, 200, 2) == []


def test_small_rates_and_noisy_pasts_accuse_nobody():
    draw = random.Random(3)
    fleet, found = Fleet(), []
    for minute in range(1500):
        count = max(1, round(math.exp(draw.gauss(1.5, 0.8))))
        found += minutes(fleet, minute * 60.0, 1, count, cost_usd=0.01 * draw.random(), tokens=draw.randrange(4000))
    assert found == []
    fleet = Fleet()
    assert minutes(fleet, 0.0, 120, 1, 0.0, 0) + minutes(fleet, 7200.0, 60, 5, 0.0001, 10) == []


def test_an_alarm_freezes_the_past_and_ends_when_the_rate_comes_back():
    fleet = Fleet()
    minutes(fleet, 0.0, 120, 2)
    minutes(fleet, 7200.0, 10, 60, cost_usd=0.02)
    pace = fleet.bank.population.apps["default", "shop"].agents["bot"].pace
    assert pace.alarm
    frozen = [one.mean for one in pace.tracks()]
    minutes(fleet, 7800.0, 20, 60, cost_usd=0.02)
    assert [one.mean for one in pace.tracks()] == frozen
    minutes(fleet, 9000.0, 150, 2)
    assert not pace.alarm
    assert minutes(fleet, 18000.0, 5, 2) == []


def test_a_rule_lays_its_own_thresholds_over_the_rest():
    merged = merge(DetectOptions(), {"ceiling": {"run_usd": 5, "kill": True}, "rate": {"enabled": False}})
    assert (merged.ceiling.run_usd, merged.ceiling.kill, merged.rate.enabled) == (5.0, True, False)
    assert merged.ceiling.warn_at == DetectOptions().ceiling.warn_at
    assert merge(DetectOptions(), {}) == DetectOptions()


@pytest.mark.parametrize(
    ("tables", "field"),
    [
        ({"nothing": {}}, "detectors.nothing"),
        ({"rate": {"speed": 1}}, "detectors.rate.speed"),
        ({"ceiling": {"run_usd": -1}}, "detectors.ceiling.run_usd"),
        ({"ceiling": {"kill": "yes"}}, "detectors.ceiling.kill"),
        ({"rate": {"max_step": 99}}, "detectors.rate.max_step"),
    ],
)
def test_a_wrong_threshold_is_named(tables, field):
    with pytest.raises(BadConfig) as caught:
        merge(DetectOptions(), tables)
    assert caught.value.field == field
    assert "$" not in caught.value.reason


def test_held_events_and_our_own_effects_are_counted_and_are_no_evidence():
    bank = Bank(StateOptions())
    options = DetectOptions(ceiling=CeilingOptions(run_tokens=10))
    for index, (status, own) in enumerate((("held", False), ("error", True))):
        event = Event(
            agent="b", app="b", run="b", root_run="b", tenant="d", id=str(index), status=status, input_tokens=9
        )
        scope = bank.admit(event)
        seen = Observation(index, "0-0", 0.0, event, Prints(), 5, own)
        assert bank.observe(seen, scope, options) == []
    assert (scope.run.tokens, scope.run.cost_nusd) == (18, 10)

"""Every detector that the bank knows goes through the one contract, with its defaults and with other options."""

import pytest

from agentwatch.detect.bank import DETECTORS
from agentwatch.detect.ceiling import Ceiling
from agentwatch.detect.options import DetectOptions, merge
from agentwatch.records import Signal
from agentwatch.testing import LOOPS, Bench, check_detector, observations
from agentwatch.testing.shapes import exact_repeat

# What is far from the defaults, both ways; bucket detectors share the names of their thresholds.
OTHERS: dict[str, dict[str, object]] = {
    "rate": {"bucket_s": 4.0, "min_buckets": 8, "min_age_s": 0.0, "fleet_agents": 1, "false_alarm_s": 3600.0},
    "cohort": {"least_events": 2, "least_peers": 8, "refit_events": 10},
    "cycle": {"warn_rounds": 2, "warn_steps": 4, "kill_rounds": 9, "kill_steps": 40},
    "ceiling": {"run_turns": 5, "run_usd": 0.02, "run_tokens": 2000, "run_s": 20.0, "kill": True, "warn_at": 0.5},
}


def options_of(kind: str, which: str) -> object:
    if which == "default":
        return getattr(DetectOptions(), kind)
    base = getattr(DetectOptions(), kind)
    table = OTHERS.get(kind) or {"warn": base.warn * 0.7, "kill": base.kill * 2.0}
    return getattr(merge(DetectOptions(), {kind: table}), kind)


@pytest.mark.parametrize("which", ["default", "other"])
@pytest.mark.parametrize("kind", sorted(DETECTORS))
def test_detector_keeps_the_contract(kind, which):
    options = options_of(kind, which)
    check_detector(lambda: DETECTORS[kind](options))


@pytest.mark.parametrize("extent", ["root", "agent_day", "app_day"])
def test_every_extent_of_a_ceiling_keeps_it(extent):
    options = merge(DetectOptions(), {"ceiling": {f"{extent}_turns": 6, f"{extent}_usd": 0.05}}).ceiling
    check_detector(lambda: Ceiling(options, extent))


@pytest.mark.parametrize("kind", sorted(DETECTORS))
def test_every_kind_is_enabled_as_shipped_and_can_be_switched_off(kind):
    assert getattr(DetectOptions(), kind).enabled
    assert not getattr(merge(DetectOptions(), {kind: {"enabled": False}}), kind).enabled


class Flawed:
    """A detector with one flaw at a time; the suite must find each."""

    kind = "flawed"

    def __init__(self, flaw):
        self.flaw, self.calls = flaw, 0

    def read(self, seen, state):
        self.calls += 1
        if self.flaw == "learns while reading":
            state.run.epoch += 1
        if self.flaw == "is erratic":
            return self.signal(1.0 + self.calls)
        if self.flaw == "falls":
            return self.signal(1.0 / (1 + state.run.events))
        return self.signal(1.0, **({"kind": "other"} if self.flaw == "lies about its kind" else {}))

    def learn(self, seen, state):
        if self.flaw == "grows":
            state.run.handles = {**(state.run.handles or {}), seen.event.id: "x"}

    def signal(self, strength, **fields):
        given = {"kind": self.kind, "subject": "default/app", "strength": strength, "kill_at": 2.0, "reason": "r"}
        return Signal(**{**given, **fields})


@pytest.mark.parametrize(
    ("flaw", "clause"),
    [
        ("learns while reading", "changed the state"),
        ("is erratic", "two answers"),
        ("falls", "strength fell"),
        ("lies about its kind", "of kind other"),
        ("grows", "grew by"),
    ],
)
def test_the_contract_finds_a_flawed_detector(flaw, clause):
    with pytest.raises(AssertionError, match=clause):
        check_detector(lambda: Flawed(flaw), {"exact_repeat": exact_repeat})


@pytest.mark.parametrize("shape", sorted(LOOPS))
def test_shapes_are_functions_of_nothing(shape):
    assert list(LOOPS[shape]()) == list(LOOPS[shape]())


def test_a_bench_answers_once_an_observation():
    bench = Bench(Flawed(""))
    assert len(bench.feed_all(observations(exact_repeat(3)))) == 3

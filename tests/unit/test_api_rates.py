"""Permits are handed out evenly, in bursts no larger than allowed, and for so many keys only."""

from agentwatch.api.rates import Rates


def test_a_burst_then_an_even_rate() -> None:
    now = [100.0]
    rates = Rates(per_s=2.0, burst=3, clock=lambda: now[0])
    assert [rates.take("k") for _ in range(3)] == [0.0, 0.0, 0.0]
    wait = rates.take("k")
    assert 0 < wait <= 0.5
    now[0] += wait
    assert rates.take("k") == 0.0
    assert rates.take("other") == 0.0
    granted = 0
    for _ in range(1000):
        now[0] += 0.01
        granted += rates.take("k") == 0.0
    assert 19 <= granted <= 21


def test_a_refusal_costs_nothing() -> None:
    now = [0.0]
    rates = Rates(per_s=1.0, burst=1, clock=lambda: now[0])
    rates.take("k")
    for _ in range(100):
        assert rates.take("k") > 0
    now[0] = 1.0
    assert rates.take("k") == 0.0


def test_keys_are_bounded_and_the_forgotten_counted() -> None:
    rates = Rates(per_s=1.0, burst=1, clock=lambda: 0.0, bound=10)
    for n in range(25):
        rates.take(str(n))
    assert rates.forgotten == 15
    assert rates.take("24") > 0
    assert rates.take("0") == 0.0

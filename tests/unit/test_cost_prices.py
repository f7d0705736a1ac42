"""What events cost: whose figure counts, what is free, and what nobody knows."""

import subprocess
import sys

import pytest

from agentwatch.cost.prices import ModelPrices, PriceOptions, Pricer
from agentwatch.records import Event

TS = 1_790_000_000.0


def event(**more) -> Event:
    return Event(**{"agent": "a", "model": "gpt-4o", "provider": "openai", "ts": TS} | more)


@pytest.fixture
def pricer() -> Pricer:
    return Pricer(PriceOptions())


def test_the_producers_figure_goes_first(pricer):
    assert pricer.price(event(cost_usd=0.25, input_tokens=10)) == 250_000_000
    assert pricer.price(event(cost_usd="0.000000001", model="nonesuch")) == 1
    assert pricer.price(event(cost_usd=0.5, op="invoke_agent", input_tokens=10)) == 500_000_000


@pytest.mark.parametrize("figure", ["free", "-1", "NaN", "inf", -0.5, float("nan"), float("inf"), "1e12"])
def test_a_figure_that_is_no_money_is_counted_and_the_list_prices_it(pricer, figure):
    listed = pricer.price(event(input_tokens=1000))
    assert pricer.price(event(input_tokens=1000, cost_usd=figure)) == listed == 2_500_000
    assert pricer.bad_figures == 1


def test_what_nobody_knows_is_unpriced_and_never_nought(pricer):
    assert pricer.price(event(model="nonesuch", input_tokens=10)) is None
    assert pricer.price(event(model="", input_tokens=10)) is None
    assert pricer.price(event()) is None
    assert pricer.unpriced == 3


@pytest.mark.parametrize("op", ["execute_tool", "message", "heartbeat", "run_start", "run_end", "compact"])
def test_what_uses_no_tokens_costs_nothing(pricer, op):
    assert pricer.price(event(op=op, model="")) == 0
    assert pricer.unpriced == 0


def test_a_model_of_two_providers_is_priced_by_each_of_them_also_by_turns():
    pricer = Pricer(PriceOptions(max_models=2, overrides={"mine/m": ModelPrices(input=1, output=1)}))
    models = [("mine", "m"), ("yours", "m"), ("openai", "gpt-4o"), ("yours", "m")]
    for provider, model in models * 3:
        expected = {"mine": 10_000, "yours": None, "openai": 25_000}[provider]
        assert pricer.price(event(provider=provider, model=model, input_tokens=10)) == expected


@pytest.mark.parametrize("op", ["invoke_agent", "run_end"])
def test_sums_of_other_events_are_not_priced_again(pricer, op):
    assert pricer.price(event(op=op, input_tokens=1_000_000)) == 0


@pytest.mark.parametrize(
    ("provider", "model", "nusd"),
    [
        ("anthropic", "claude-sonnet-4-5-20250929", 4_500_000),
        ("aws.bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", 4_950_000),  # a region costs a tenth more
        ("litellm", "anthropic/claude-sonnet-4-5", 4_500_000),
        ("our-gateway", "anthropic/claude-sonnet-4-5", 4_500_000),
        ("", "claude-sonnet-4-5", 4_500_000),
    ],
)
def test_names_of_the_field_find_their_price(pricer, provider, model, nusd):
    assert pricer.price(event(provider=provider, model=model, input_tokens=1000, output_tokens=100)) == nusd


def test_counts_that_leave_the_cached_part_out_are_put_right(pricer):
    inclusive = event(input_tokens=1100, cache_read_tokens=1000)
    exclusive = event(input_tokens=100, cache_read_tokens=1000)
    assert pricer.price(exclusive) == pricer.price(inclusive) == 1_500_000
    assert pricer.price(event(input_tokens=0, output_tokens=100, reasoning_tokens=400)) == 5_000_000


def test_overrides_go_before_the_list_and_a_providers_own_before_a_models():
    table = {
        "gpt-4o": ModelPrices(input=1.0, output=2.0),
        "openai/gpt-4o": ModelPrices(input=0.1, output=0.2, cache_read=0.05, reasoning=0.4),
        "house-model": ModelPrices(input=0.0001, output=0.0),
    }
    pricer = Pricer(PriceOptions(overrides=table))
    assert pricer.price(event(input_tokens=1000, output_tokens=1000, cache_read_tokens=500)) == 275_000
    assert pricer.price(event(output_tokens=1000, reasoning_tokens=500)) == 300_000
    assert pricer.price(event(provider="azure", input_tokens=1000, output_tokens=1000)) == 3_000_000
    assert pricer.price(event(provider="", model="house-model", input_tokens=1000)) == 100


def test_memory_of_models_is_bounded():
    pricer = Pricer(PriceOptions(max_models=8))
    for number in range(50):
        assert pricer.price(event(model=f"m-{number}", provider="", input_tokens=1)) is None
    assert len(pricer._plans) == 8


def test_the_price_list_is_not_loaded_at_import():
    code = "import sys, agentwatch.cost.prices, agentwatch.cost.ledger; sys.exit('genai_prices' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

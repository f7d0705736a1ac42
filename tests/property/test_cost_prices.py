"""Prices against the price list's own calculation, for real models, sizes on both sides of tiers, and any hour."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from genai_prices import Usage, calc_price
from hypothesis import given, settings
from hypothesis import strategies as st

from agentwatch.cost.prices import PriceOptions, Pricer
from agentwatch.records import Event

MODELS = [
    ("openai", "gpt-4o"),
    ("openai", "gpt-5"),
    ("openai", "o3"),
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-opus-4-1"),
    ("google", "gemini-2.5-pro"),
    ("google", "gemini-2.0-flash"),
    ("deepseek", "deepseek-chat"),
    ("deepseek", "deepseek-reasoner"),
    ("perplexity", "sonar-deep-research"),
    ("x-ai", "grok-4"),
    ("mistral", "mistral-large-latest"),
    ("groq", "llama-3.3-70b-versatile"),
    ("", "gpt-4o-mini"),
]
PRICER = Pricer(PriceOptions())
sizes = st.one_of(st.integers(0, 5000), st.sampled_from([0, 128_000, 199_999, 200_000, 200_001, 1_000_000]))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(MODELS), sizes, sizes, st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0, 1),
    st.integers(1_700_000_000, 1_800_000_000),
)  # fmt: skip
def test_a_price_is_what_the_list_calculates_to_the_nano_dollar(model, tokens_in, tokens_out, read, write, thought, ts):
    provider, name = model
    counts = {
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "cache_read_tokens": int(tokens_in * read),
        "cache_write_tokens": int(tokens_in * write),
    }
    reasoning = int(tokens_out * thought)
    usage = Usage(**counts, output_reasoning_tokens=reasoning)
    exact = calc_price(
        usage, name, provider_id=provider or None, genai_request_timestamp=datetime.fromtimestamp(ts, UTC)
    ).total_price
    event = Event(agent="a", provider=provider, model=name, ts=float(ts), reasoning_tokens=reasoning, **counts)
    assert PRICER.price(event) == int((exact * 10**9).to_integral_value(ROUND_HALF_UP))


@given(st.decimals(0, 10_000, places=9))
def test_a_producers_exact_figure_is_kept_exactly(usd):
    event = Event(agent="a", model="gpt-4o", input_tokens=10, cost_usd=str(usd))
    assert PRICER.price(event) == int(usd * Decimal(10**9))

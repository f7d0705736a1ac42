"""Prices events in whole nano-dollars: the producer's figure first, then overrides, then the bundled price list."""

import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from agentwatch.cost.plan import Band, Plan, linear
from agentwatch.records import Event

__all__ = ["AGGREGATES", "ModelPrices", "PriceOptions", "Pricer", "load_prices"]

Usd = Annotated[float, Meta(ge=0, le=1_000_000)]
# what these report is the sum of calls that are reported one by one as well
AGGREGATES = frozenset(("invoke_agent", "run_start", "run_end"))
_NANO = 10**9
_FEMTO_PER_NANO = 10**6
_PROVIDERS = {
    "aws.bedrock": "aws",
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "gcp.gen_ai": "google",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "x_ai": "x-ai",
}


class ModelPrices(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model's own prices in USD a million tokens; a part that is not named costs as much as the whole it is in."""

    input: Usd
    output: Usd
    cache_read: Usd | None = None
    cache_write: Usd | None = None
    reasoning: Usd | None = None


class PriceOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """overrides: by model, or by provider and model as `provider/model`. max_models: how many are remembered."""

    overrides: dict[str, ModelPrices] = field(default_factory=dict)
    max_models: Annotated[int, Meta(ge=1, le=1_000_000)] = 4096


class Pricer:
    """Tells what an event cost, or None where nobody knows: unknown is never nought."""

    def __init__(self, options: PriceOptions) -> None:
        self._options = options
        self._overrides = {name: _override(prices) for name, prices in options.overrides.items()}
        self._plans: dict[tuple[str, str], Plan | Band | None] = {}
        self._latest: dict[str, tuple[str, Plan | Band | None]] = {}  # by model, with its latest provider
        self.unpriced = 0
        self.bad_figures = 0

    def price(self, event: Event) -> int | None:
        """Give an event's cost in nano-dollars.

        None and counted: tokens of a model without a known price, or an LLM call that names no tokens. Tool calls and
        messages without tokens cost nothing; `invoke_agent`, `run_start` and `run_end` report sums of others' tokens
        and cost only what their producer says.
        """
        if event.cost_usd is not None:
            cost = _figure(event.cost_usd)
            if cost is not None:
                return cost
            self.bad_figures += 1
        tokens_in = event.input_tokens or 0
        tokens_out = event.output_tokens or 0
        op = event.op
        if not tokens_in and not tokens_out and not (event.cache_read_tokens or event.cache_write_tokens):
            if op != "chat":
                return 0
            if event.input_tokens is None and event.output_tokens is None:
                self.unpriced += 1
                return None
        elif op in AGGREGATES:
            return 0
        return self._listed(event, tokens_in, tokens_out)

    def _listed(self, event: Event, tokens_in: int, tokens_out: int) -> int | None:
        known = self._latest.get(event.model)
        if known is None or known[0] != event.provider:
            known = self._known(event.provider, event.model)
        plan = known[1]
        read = event.cache_read_tokens or 0
        write = event.cache_write_tokens or 0
        reasoning = event.reasoning_tokens or 0
        # a part that is greater than its whole was not counted in it
        if read + write > tokens_in:
            tokens_in += read + write
        if reasoning > tokens_out:
            tokens_out += reasoning
        band = plan.band(tokens_in, event.ts) if isinstance(plan, Plan) else plan
        if band is None:
            self.unpriced += 1
            return None
        call, a, b, c, d, e = band
        femto = call + a * tokens_in + b * tokens_out
        if read or write or reasoning:
            femto += c * read + d * write + e * reasoning
        return (femto + _FEMTO_PER_NANO // 2) // _FEMTO_PER_NANO

    def _known(self, provider: str, model: str) -> tuple[str, Plan | Band | None]:
        """Give a model's prices at a provider, and remember that this is the model's latest one."""
        key = (provider, model)
        if key not in self._plans:
            self._remember(key)
        known = self._latest[model] = provider, self._plans[key]
        return known

    def _remember(self, key: tuple[str, str]) -> None:
        if len(self._plans) >= self._options.max_models:
            oldest = next(iter(self._plans))
            del self._plans[oldest]
            self._latest.pop(oldest[1], None)
        provider, model = key
        found: Plan | Band | None = self._overrides.get(f"{provider}/{model}") or self._overrides.get(model)
        if found is None and model:
            found = self._find(provider, model)
        self._plans[key] = found

    def _find(self, provider: str, model: str) -> Plan | None:
        """Look a model up at its provider; where the list does not know the provider, at the model's own maker."""
        snapshot = load_prices()
        asked = _PROVIDERS.get(provider.lower(), provider) or None
        bare = model.rpartition("/")[2]
        for name, ref in ((asked, model), (None, model), (None, bare)):
            try:
                return Plan(snapshot.find_provider_model(ref, None, name, None)[1])
            except LookupError:
                continue
        return None


def load_prices() -> Any:
    """Give the bundled price list; the first call loads it, which takes as long as half of a daemon's start."""
    from genai_prices.data_snapshot import get_snapshot

    return get_snapshot()


def _figure(cost_usd: float | str) -> int | None:
    """Read a producer's figure; None for what is no amount of money."""
    if isinstance(cost_usd, str):
        try:
            exact = Decimal(cost_usd)
        except InvalidOperation:
            return None
        return round(exact * _NANO) if exact.is_finite() and 0 <= exact < 10**9 else None
    return round(cost_usd * _NANO) if math.isfinite(cost_usd) and 0 <= cost_usd < 10**9 else None


def _override(prices: ModelPrices) -> Band:
    named: Mapping[str, float | None] = {
        "input_mtok": prices.input,
        "output_mtok": prices.output,
        "cache_read_mtok": prices.cache_read,
        "cache_write_mtok": prices.cache_write,
        "output_reasoning_mtok": prices.reasoning,
    }
    return linear({key: Decimal(str(value)) for key, value in named.items() if value is not None})

"""A model's prices as integer coefficients: what an event costs is one sum, exact to the nano-dollar.

The bundled price list works in decimals and validates at each call; a model's price is a linear function of five token
counts within a band of input size and a span of time, so it is worked out once for each band and span.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

__all__ = ["Band", "Plan", "linear"]

Band = tuple[int, int, int, int, int, int]  # a call; a token of: input, output, cache read, cache write, reasoning
FEMTO = 10**15  # coefficients are femto-dollars, a millionth of a nano-dollar
_DAY = 86400.0
_LATEST = 253_402_300_799.0  # the last second of the year 9999
_TOKEN_KEYS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "output_reasoning_mtok")
_MTOK = 10**6
_KCOUNT = 10**3


def linear(usd: Mapping[str, Decimal]) -> Band:
    """Make coefficients of prices by the list's keys (`input_mtok` … in USD a million tokens, `requests_kcount`).

    Counts are inclusive (cached tokens are input, reasoning tokens are output), so that a part with a price of its own
    adds only the difference to the price of the whole.
    """
    whole_in = usd.get("input_mtok", Decimal(0))
    whole_out = usd.get("output_mtok", Decimal(0))
    return (
        _femto(usd.get("requests_kcount", Decimal(0)), _KCOUNT),
        _femto(whole_in, _MTOK),
        _femto(whole_out, _MTOK),
        _femto(usd.get("cache_read_mtok", whole_in) - whole_in, _MTOK),
        _femto(usd.get("cache_write_mtok", whole_in) - whole_in, _MTOK),
        _femto(usd.get("output_reasoning_mtok", whole_out) - whole_out, _MTOK),
    )


class Plan:
    """One model's prices: bands by input tokens, good for a span of time, worked out anew outside of it."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._known: dict[int, tuple[list[int], list[Band]]] = {}
        self._starts: list[int] = []
        self._bands: list[Band] = []
        self._only: Band | None = None
        self._by_second = _changes_within_a_day(model.prices)
        self.since = 0.0
        self.until = 0.0

    def band(self, input_tokens: int, ts: float) -> Band | None:
        """Give the coefficients for a call of this size at this time; None where tokens have no price then."""
        if not self.since <= ts < self.until:
            self._resolve(ts)
        # a tier holds for sizes above its start, not at it
        return self._bands[bisect_left(self._starts, input_tokens)] if self._starts else self._only

    def _resolve(self, ts: float) -> None:
        ts = min(ts, _LATEST)
        span = 1.0 if self._by_second else _DAY
        self.since = ts // span * span
        self.until = self.since + span
        price = self._model.get_prices(datetime.fromtimestamp(ts, UTC))
        known = self._known.get(id(price))
        if known is None:
            known = self._known[id(price)] = _bands(price)
        self._starts, self._bands = known
        self._only = self._bands[0] if self._bands else None


def _bands(price: Any) -> tuple[list[int], list[Band]]:
    """Split a price into bands; none where it prices no tokens and no calls."""
    keys = (*_TOKEN_KEYS, "requests_kcount")
    stored = {key: price.__dict__[key] for key in keys if price.__dict__.get(key) is not None}
    if not stored:
        return [], []
    starts = sorted({tier.start for value in stored.values() for tier in getattr(value, "tiers", ())})
    sizes = [0, *(start + 1 for start in starts)]
    return starts, [linear({key: _at(value, size) for key, value in stored.items()}) for size in sizes]


def _at(value: Any, input_tokens: int) -> Decimal:
    """Read a price at a size: the last tier that begins below it, for all tokens."""
    if isinstance(value, Decimal):
        return value
    found: Decimal = value.base
    for tier in value.tiers:
        if input_tokens > tier.start:
            found = tier.price
    return found


def _changes_within_a_day(prices: Any) -> bool:
    conditional: Iterable[Any] = prices if isinstance(prices, list) else ()
    return any(isinstance(getattr(one.constraint, "start_time", None), time) for one in conditional)


def _femto(usd: Decimal, per: int) -> int:
    return round(usd * FEMTO / per)

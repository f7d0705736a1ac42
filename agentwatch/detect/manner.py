"""How an agent goes about its work, in a few numbers by which it can be compared with its peers."""

import math

from msgspec import Struct

__all__ = ["FEATURES", "FULL", "Manner"]

FULL = 512.0  # events after which all is halved, so that what an agent does now counts most
_LEAST_S = 1.0
LONGEST_S = 60.0
FEATURES = ("events a minute", "tokens an event", "dollars an event", "failures", "stale steps", "new findings")


class Manner(Struct, array_like=True, gc=False):
    """Counts of an agent's events, of their tokens and dollars, and of what came of them; `span_s` is their time."""

    last: float
    span_s: float = 0.0
    events: float = 0.0
    tokens: float = 0.0
    usd: float = 0.0
    failed: float = 0.0
    stale: float = 0.0
    fresh: float = 0.0

    def add(self, now: float, tokens: int, usd: float, *, failed: bool, stale: bool, fresh: bool) -> None:
        """Count one event; a rest of more than a minute counts as a minute, so that nights do not matter."""
        rest = now - self.last
        if rest > 0.0:
            self.span_s += min(LONGEST_S, rest)
        self.last = now
        self.events += 1.0
        if tokens:
            self.tokens += tokens
        if usd:
            self.usd += usd
        if failed:
            self.failed += 1.0
        if stale:
            self.stale += 1.0
        if fresh:
            self.fresh += 1.0
        if self.events >= FULL:
            self._halve()

    def _halve(self) -> None:
        self.span_s, self.events, self.tokens, self.usd = (
            one / 2 for one in (self.span_s, self.events, self.tokens, self.usd)
        )
        self.failed, self.stale, self.fresh = (one / 2 for one in (self.failed, self.stale, self.fresh))

    def features(self) -> tuple[float, ...]:
        """Give the figures that `FEATURES` names: rates and means on a logarithmic scale, shares as they are."""
        events = max(1.0, self.events)
        return (
            math.log1p(self.events * 60.0 / max(_LEAST_S, self.span_s)),
            math.log1p(self.tokens / events),
            math.log1p(1000.0 * self.usd / events),
            self.failed / events,
            self.stale / events,
            self.fresh / events,
        )

"""What is at stake: how far evidence may go by what a loop costs and how fast it runs, the same for every detector.

Counting tells that an agent goes round; only money and time tell how soon somebody must step in. A loop that costs
cents a day warns. One at leisure pauses at most, for a pause can be taken back, unless money is known to burn. One that
burns dollars an hour is slowed down at its warning and climbs faster from there; it ends where it would have ended. One
at leisure that goes on while dollars go is paused, too, but for what a clock brings again: that warns, and a small
check that costs cents a day is nobody's business. What is enough for a warning, and for a kill, stays as it is.
"""

import math
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from agentwatch.detect.grade import JUST_BELOW
from agentwatch.records import Evidence, Level, Signal

__all__ = ["Stakes", "StakesOptions"]

LEAST_S = 10.0  # a rate is never made out of less
AT_ONCE = 0.35  # share of the way to a kill where a dear loop begins: just beyond the shipped throttle
SMALL_TOKENS = 20_000  # a check that finds nothing takes less each time; what takes more reads a whole context for it
FASTEST = 2.0  # how much faster a dear loop climbs, reached at sixteen times `dear_usd_an_hour`
_USD = 1_000_000_000
# These weigh time and money themselves: it is what they are about.
_OWN = frozenset(("ceiling", "rate", "restart", "slow", "unattended"))

Dollars = Annotated[float, Meta(ge=0, le=1e9)]


class StakesOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is cheap (dollars a day), what is dear (dollars an hour, once `dear_usd` are gone), what is at leisure.

    leisure_s: seconds from one repeat to the next. waste_usd, waste_repeats: what was burned, and how often it came,
    without anything new since, for one at leisure to be paused. waste_usd_an_hour: what it must burn for that, where a
    schedule or a clock brings it again; below it warns at most.
    """

    enabled: bool = True
    cheap_usd_a_day: Dollars = 1.0
    dear_usd_an_hour: Annotated[float, Meta(gt=0, le=1e9)] = 2.0
    dear_usd: Dollars = 0.5
    leisure_s: Annotated[float, Meta(gt=0, le=86400)] = 60.0
    waste_usd: Annotated[float, Meta(gt=0, le=1e9)] = 2.0
    waste_repeats: Annotated[int, Meta(ge=2, le=1_000_000)] = 12
    waste_usd_an_hour: Annotated[float, Meta(gt=0, le=1e9)] = 0.5


class Stakes:
    """Bounds and hastens signals. Money that is not known changes nothing, and neither does a price of nothing."""

    def __init__(self, options: StakesOptions) -> None:
        self.options = options

    def is_at_leisure(self, signal: Signal) -> bool:
        """Tell whether what a signal is about comes again at leisure: then it matters whether a clock brings it."""
        return _pace_s(signal.evidence) >= self.options.leisure_s

    def weigh(self, signal: Signal, *, on_time: bool = False) -> Signal | None:
        """Give the signal as far as its stakes let it go, if at all. on_time: a schedule or a clock brings it again."""
        options = self.options
        if not options.enabled or signal.kind in _OWN or signal.strength < 1.0:
            return signal
        evidence = signal.evidence
        hourly = _hourly(evidence)
        pace_s = _pace_s(evidence)
        at_leisure = pace_s >= options.leisure_s
        if hourly and not evidence.unpriced and hourly * 24.0 < options.cheap_usd_a_day:
            if at_leisure and on_time and evidence.tokens < SMALL_TOKENS * evidence.count:
                return None
            return _bound(signal, Level.warn, f"it costs ${hourly * 24.0:.2f} a day")
        dear = hourly >= options.dear_usd_an_hour and evidence.cost_nusd >= options.dear_usd * _USD
        if at_leisure and on_time and hourly < options.waste_usd_an_hour:
            return _bound(signal, Level.warn, f"it comes by the clock, each {pace_s:,.0f} s")
        killable = dear and signal.ceiling is Level.kill  # at leisure that takes dollars an hour: see `_hasten`
        if at_leisure and not killable and self._is_waste(evidence):
            return _pause(signal)
        if dear:
            return _hasten(signal, hourly, options.dear_usd_an_hour)
        return _bound(signal, Level.pause, f"its repeats are {pace_s:,.0f} s apart") if at_leisure else signal

    def _is_waste(self, evidence: Evidence) -> bool:
        """Tell whether dollars went while nothing new came; what an event cost is known of all of them."""
        enough = evidence.cost_nusd >= self.options.waste_usd * _USD and evidence.count >= self.options.waste_repeats
        return enough and not evidence.unpriced


def _hourly(evidence: Evidence) -> float:
    """Tell what was burned since the onset, in dollars an hour; 0 where that is not known."""
    return evidence.cost_nusd / _USD * 3600.0 / max(LEAST_S, evidence.last - evidence.since)


def _pace_s(evidence: Evidence) -> float:
    return (evidence.last - evidence.since) / (evidence.count - 1) if evidence.count > 1 else 0.0


def _bound(signal: Signal, most: Level, why: str) -> Signal:
    """Keep a signal from a level; its strength stays below the kill, so that it can still grow once the stakes do."""
    if signal.ceiling <= most:
        return signal
    return replace(
        signal,
        ceiling=most,
        strength=min(signal.strength, max(1.0, signal.kill_at * JUST_BELOW)),
        speaks_against=(*signal.speaks_against, why),
    )


def _pause(signal: Signal) -> Signal:
    """Let a signal pause at once, unless it does more already; a kill still takes its own evidence."""
    if signal.strength >= signal.kill_at and signal.ceiling >= Level.pause:
        return signal
    gone = f"${signal.evidence.cost_nusd / _USD:,.2f} went, and nothing new came"
    return replace(
        signal,
        ceiling=Level.pause,
        strength=max(signal.strength, signal.kill_at * JUST_BELOW),
        speaks_for=(*signal.speaks_for, gone),
    )


def _hasten(signal: Signal, hourly: float, dear: float) -> Signal:
    """Let a signal climb faster to just below its kill, which takes all its evidence.

    Its ceiling stays: what may end in a pause pauses sooner. What may yet be killed for waits for that at a throttle,
    for an agent that waits in a pause adds no evidence and would be left there until its lease ends; where the policy
    wants such a pause (`ladder.pause_before_kill`), that comes sooner, too.
    """
    way = signal.kill_at - 1.0
    if signal.strength >= signal.kill_at or way <= 0.0:
        return signal
    faster = min(FASTEST, 1.0 + math.log2(hourly / dear) / 4.0)
    share = max(AT_ONCE, (signal.strength - 1.0) / way * faster)
    most = signal.kill_at * JUST_BELOW
    return replace(
        signal,
        strength=max(signal.strength, min(most, 1.0 + share * way)),
        speaks_for=(*signal.speaks_for, f"it burns ${hourly:,.2f} an hour"),
    )

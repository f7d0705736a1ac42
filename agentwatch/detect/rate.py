"""An agent that has become much faster, or dearer, than its own past. It warns; with money behind it, it throttles."""

import math
from typing import Annotated

from msgspec import Meta, Struct

from agentwatch.detect.pace import CALLS, DOLLARS, FLOORS, MEASURES, TOKENS, Pace, Track, threshold
from agentwatch.detect.state import Scope
from agentwatch.records import Evidence, Level, Observation, Signal
from agentwatch.subject import agent_subject

__all__ = ["Rate", "RateOptions"]

_KILL_AT = 4.0


class RateOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """When a lasting rise of an agent's rates is worth a warning.

    The threshold follows from `fleet_agents` and `false_alarm_s`, the wanted mean time between false alarms of the
    whole fleet. Nothing is judged before `min_buckets` active buckets over at least `min_age_s`. `floor_…` are the
    rates (per minute) below which nothing is ever said; `min_ratio` is the least rise over the usual level.
    """

    enabled: bool = True
    bucket_s: Annotated[float, Meta(ge=1, le=3600)] = 60.0
    min_buckets: Annotated[int, Meta(ge=8, le=100_000)] = 30
    min_age_s: Annotated[float, Meta(ge=0, le=30 * 86400)] = 3600.0
    horizon_buckets: Annotated[int, Meta(ge=16, le=100_000)] = 240
    fleet_agents: Annotated[int, Meta(ge=1, le=10_000_000)] = 1000
    false_alarm_s: Annotated[float, Meta(ge=60, le=3660 * 86400.0)] = 30 * 86400.0
    allowance: Annotated[float, Meta(ge=0.1, le=3)] = 0.5
    min_sigma: Annotated[float, Meta(ge=0.05, le=3)] = 0.4
    max_step: Annotated[float, Meta(ge=1, le=10)] = 4.0
    min_ratio: Annotated[float, Meta(ge=1, le=1000)] = 3.0
    floor_calls: Annotated[float, Meta(ge=0, le=1e9)] = 6.0
    floor_tokens: Annotated[float, Meta(ge=0, le=1e12)] = 20_000.0
    floor_usd: Annotated[float, Meta(ge=0, le=1e6)] = 0.05
    throttle_usd: Annotated[float, Meta(ge=0, le=1e6)] = 0.2
    relearn_s: Annotated[float, Meta(ge=60, le=366 * 86400.0)] = 7 * 86400.0


class Rate:
    """Warns of a lasting rise of an agent's calls, tokens or dollars a minute."""

    kind = "rate"

    def __init__(self, options: RateOptions) -> None:
        self.options = options

    def read(self, seen: Observation, state: Scope) -> Signal | None:
        """Tell whether one of the agent's rates has left its past, by the buckets that were closed before."""
        pace = state.agent.pace
        if pace is None or not pace.alarm:
            return None
        measure = pace.alarm - 1
        return self._signal(seen, state, measure, pace.track(measure))

    def learn(self, seen: Observation, state: Scope) -> None:
        """Add the event to the open bucket, and judge and learn the bucket that it closes."""
        pace = state.agent.pace
        if pace is None:
            if state.agent.events < self.options.min_buckets:
                return  # too few to fill the buckets that a judgement needs: a quiet agent costs no memory
            pace = state.agent.pace = Pace(began=seen.now)
        bucket = int(seen.now // self.options.bucket_s)
        if bucket != pace.bucket:
            if pace.calls:
                self._close(pace, seen.now)
            pace.bucket, pace.first_index = bucket, seen.index
            pace.calls = pace.tokens = pace.cost_nusd = 0
        event = seen.event
        pace.calls += 1
        pace.tokens += (event.input_tokens or 0) + (event.output_tokens or 0)
        pace.cost_nusd += seen.cost_nusd or 0

    def _close(self, pace: Pace, now: float) -> None:
        options = self.options
        if pace.alarm and now - pace.alarmed_at > options.relearn_s:
            pace.closed, pace.alarm, pace.began = 0, 0, now
        judged = pace.closed >= options.min_buckets and now - pace.began >= options.min_age_s
        if not judged and not pace.alarm:
            pace.average(max(1.0 / (pace.closed + 1), 1.0 / options.horizon_buckets))
            pace.dear = False
            pace.closed += 1
            return
        tracks = pace.tracks()
        logs = pace.logs()
        if judged:
            for measure, value in enumerate(logs):
                self._sum_up(tracks[measure], value, pace)
            self._alarm(pace, tracks, now)
        # Money is behind it only where the dollars themselves left their past and are worth the interference.
        pace.dear = pace.alarm == 1 + DOLLARS and self._per_minute(pace, DOLLARS) >= options.throttle_usd
        if not pace.alarm:
            weight = max(1.0 / (pace.closed + 1), 1.0 / options.horizon_buckets)
            for one, value in zip(tracks, logs, strict=True):
                _learn(one, value, weight, options.max_step * options.min_sigma if judged else None)
            pace.closed += 1
        pace.keep(tracks)

    def _sum_up(self, one: Track, value: float, pace: Pace) -> None:
        """Add how far the bucket exceeds the usual, in standard deviations and at most `max_step` of them."""
        options = self.options
        sigma = max(math.sqrt(one.variance), options.min_sigma)
        excess = min((value - one.mean) / sigma, options.max_step) - options.allowance
        if one.cusum <= 0.0 < excess:
            one.onset_at, one.onset_index = pace.bucket * options.bucket_s, pace.first_index
        one.cusum = min(max(0.0, one.cusum + excess), 3 * self._threshold())

    def _alarm(self, pace: Pace, tracks: list[Track], now: float) -> None:
        if pace.alarm:
            if all(one.cusum <= 0.0 for one in tracks):
                pace.alarm = 0
            return
        limit = self._threshold()
        for measure in (DOLLARS, TOKENS, CALLS):
            if tracks[measure].cusum >= limit and self._matters(pace, measure, tracks[measure]):
                pace.alarm, pace.alarmed_at = measure + 1, now
                return

    def _matters(self, pace: Pace, measure: int, one: Track) -> bool:
        floor = (self.options.floor_calls, self.options.floor_tokens, self.options.floor_usd)[measure]
        return self._per_minute(pace, measure) >= max(floor, self.options.min_ratio * self._usual(measure, one))

    def _per_minute(self, pace: Pace, measure: int) -> float:
        amount = (float(pace.calls), float(pace.tokens), pace.cost_nusd / 1e9)[measure]
        return amount * 60.0 / self.options.bucket_s

    def _usual(self, measure: int, one: Track) -> float:
        return max(0.0, math.exp(one.mean) - FLOORS[measure]) * 60.0 / self.options.bucket_s

    def _threshold(self) -> float:
        options = self.options
        samples = options.fleet_agents * len(MEASURES) * options.false_alarm_s / options.bucket_s
        return threshold(options.allowance, samples)

    def _signal(self, seen: Observation, state: Scope, measure: int, one: Track) -> Signal:
        agent, run = state.agent, state.run
        pace = agent.pace or Pace()
        name = MEASURES[measure]
        return Signal(
            kind=self.kind,
            subject=agent_subject(run.tenant, run.app, agent.agent),
            strength=max(1.0, one.cusum / self._threshold()),
            kill_at=_KILL_AT,
            ceiling=Level.throttle if pace.dear else Level.warn,
            confidence=0.6,
            reason=f"{name} a minute have stayed far above this agent's usual {self._usual(measure, one):,.2f}",
            speaks_for=(f"sum of excess over the usual is {one.cusum:.1f}, the limit {self._threshold():.1f}",),
            speaks_against=("a rate says nothing about what was done",),
            evidence=Evidence(
                count=pace.calls,
                onset_index=one.onset_index,
                since=one.onset_at,
                last=seen.now,
                event_ids=(seen.event.id,),
                model=run.model,
                tokens=agent.today.tokens,
                cost_nusd=agent.today.cost_nusd,
                unpriced=agent.today.unpriced,
            ),
        )


def _learn(one: Track, value: float, weight: float, most: float | None) -> None:
    """Move the usual level towards the bucket: an average at first, exponentially weighted later.

    `most` bounds how far one bucket can pull once there is a past to speak of.
    """
    off = value - one.mean
    if most is not None:
        off = max(-most, min(most, off))
    one.mean += weight * off
    one.variance = (1.0 - weight) * (one.variance + weight * off * off)

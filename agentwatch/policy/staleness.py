"""Says when what is read is too old, or what was not read too much, to act upon: then everything is only observed."""

from typing import Annotated

from msgspec import Meta, Struct

from agentwatch.counting import counted
from agentwatch.records import Tick

__all__ = ["Staleness", "StalenessOptions"]


class StalenessOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When to catch up in observe mode.

    enabled: false where what is read is old on purpose, as in a replay. max_age_s: an event that was older when it was
    read. max_lag: that many events wait to be read (0: no limit). gap_hold_s: how long after events were lost.
    back_step_s, leap_s: the source's clock went back, or ahead between two readings, by more than this, and settle_s:
    how long that counts.
    """

    enabled: bool = True
    max_age_s: Annotated[float, Meta(ge=1, le=30 * 86400)] = 120.0
    max_lag: Annotated[int, Meta(ge=0, le=10**12)] = 100_000
    gap_hold_s: Annotated[float, Meta(ge=0, le=86400)] = 300.0
    back_step_s: Annotated[float, Meta(ge=0, le=86400)] = 5.0
    leap_s: Annotated[float, Meta(ge=1, le=86400)] = 60.0
    settle_s: Annotated[float, Meta(ge=0, le=86400)] = 60.0


class StalenessState(Struct):
    """The last tick, and what holds decisions back for how long after it."""

    last_at: float = 0.0
    lag: int = 0
    hold_until: float = 0.0
    hold_reason: str = ""


class Staleness:
    """Follows the source's ticks.

    A leap forward is a clock that was set, or time in which nobody read. Either way nothing is known of it: who is
    active must be learnt before anybody is touched.
    """

    def __init__(self, options: StalenessOptions) -> None:
        self._options = options
        self._state = StalenessState()
        self._read_at = 0.0

    def tick(self, tick: Tick) -> float:
        """Take the time of a batch, its backlog and its loss; gives the seconds by which the clock was set, or 0."""
        state, options = self._state, self._options
        if tick.gap > 0:
            lost = counted(tick.gap, "event was lost before it was read", "events were lost before they were read")
            self._hold(tick.at + options.gap_hold_s, lost)
        back = state.last_at - tick.at
        if back > options.back_step_s:
            # what was held until a time of the old clock is held anew by the new one
            state.hold_until = tick.at
            self._hold(tick.at + options.settle_s, f"the source's clock went back by {back:.0f} s")
        leapt = state.last_at > 0 and -back > options.leap_s
        unread = tick.at - max(state.last_at, self._read_at)
        if leapt and unread > options.leap_s:
            self._hold(
                tick.at + options.settle_s, f"nothing was read for {unread:.0f} s, or the source's clock was set"
            )
        self._read_at = 0.0
        state.last_at = tick.at
        state.lag = tick.lag
        return -back if leapt or back > options.back_step_s else 0.0

    def recall(self, at: float) -> None:
        """Take a time of what is learnt again after a restart: until then somebody read."""
        self._read_at = max(self._read_at, at)

    def reason(self, ts: float) -> str:
        """Say why an event of this time is stale; empty where it is fresh."""
        state, options = self._state, self._options
        if not options.enabled:
            return ""
        age = state.last_at - ts
        if age > options.max_age_s:
            return f"stale: the event was {age:.0f} s old when it was read (limit {options.max_age_s:g} s)"
        if options.max_lag and state.lag > options.max_lag:
            return f"stale: {counted(state.lag, 'event waits', 'events wait')} to be read (limit {options.max_lag})"
        if state.last_at < state.hold_until:
            return f"stale: {state.hold_reason}"
        return ""

    def absorb(self, other: "Staleness") -> None:
        """Take over the later time of two, and the longer hold."""
        own, found = self._state, other._state
        own.last_at = max(own.last_at, found.last_at)
        if found.hold_until > own.hold_until:
            own.hold_until, own.hold_reason = found.hold_until, found.hold_reason

    def state(self) -> StalenessState:
        """Give what a checkpoint holds."""
        return self._state

    def restore(self, state: StalenessState) -> None:
        """Take over what a checkpoint held."""
        self._state = state

    def _hold(self, until: float, reason: str) -> None:
        if until > self._state.hold_until:
            self._state.hold_until = until
            self._state.hold_reason = reason

"""What `check` does: let the agent pass, make it wait, or end it."""

import asyncio

from agentwatch.client.bucket import LocalBucket, interval_s
from agentwatch.client.cancelling import killed
from agentwatch.client.channel import SharedLimit
from agentwatch.client.emitter import Emitter
from agentwatch.client.identity import Identity
from agentwatch.client.log import log
from agentwatch.client.options import GuardOptions
from agentwatch.client.watch import Watch
from agentwatch.errors import AgentStopped, SignalUnavailable
from agentwatch.records import Command

__all__ = ["Hold"]

_JITTER_S = 0.01


class Hold:
    """Holds one run's calls back as what stands demands."""

    def __init__(self, watch: Watch, identity: Identity, options: GuardOptions) -> None:
        self._watch = watch
        self._identity = identity
        self._options = options
        self._bucket = LocalBucket()
        self.shared: SharedLimit | None = None
        self.emitter: Emitter | None = None

    async def check(self) -> None:
        """Return when a call may be made. Raises `AgentKilled` at a kill, `AgentStopped` when failing closed."""
        # An agent that never waits would otherwise never let the channels, which share its loop, hear anything.
        await asyncio.sleep(0)
        if self._watch.stale():
            await self._watch.refresh()
        began: float | None = None
        while True:
            wait_s = await self._turn()
            if wait_s == 0.0:
                break
            began = self._watch.now() if began is None else began
            await self._watch.changed(wait_s)
        if began is not None:
            self._report(began)

    async def _turn(self) -> float:
        """Look once: 0.0 when the call may pass, else the seconds until it is worth looking again."""
        blocked = self._watch.blocked()
        if blocked:
            raise AgentStopped(f"no signal path has worked for {self._options.fail_after_s:g} s")
        standing = self._watch.standing()
        if standing.kill is not None:
            self._watch.effective(standing.kill)
            raise killed(standing.kill)
        if blocked is None:
            return self._options.fail_after_s / 10 + _JITTER_S
        if standing.pause is not None:
            self._watch.effective(standing.pause)
            return max(standing.until - self._watch.now(), _JITTER_S)
        if not standing.throttles:
            return 0.0
        for command in standing.throttles:
            self._watch.effective(command)
        wait_s = await self._take(standing.throttles)
        # What stands may have changed while Redis was asked: a kill is never passed by.
        return 0.0 if wait_s == 0.0 and self._watch.standing().kill is None else max(wait_s, _JITTER_S)

    async def _take(self, throttles: tuple[Command, ...]) -> float:
        limits = {c.subject: self._options.default_limit if c.limit is None else c.limit for c in throttles}
        intervals = {subject: interval_s(limit) for subject, limit in limits.items()}
        if self.shared is not None:
            try:
                return await self.shared.take(intervals)
            except SignalUnavailable as error:
                log.warning("guard_limit_not_shared", subject=throttles[0].subject, reason=str(error))
        return self._bucket.take(intervals, self._watch.now())

    def _report(self, began: float) -> None:
        """Tell agentwatch that the agent was held, so that its silence is not taken for something else."""
        if self.emitter is not None:
            held_ms = (self._watch.now() - began) * 1000
            held = {"op": "heartbeat", "status": "held", "duration_ms": held_ms, "epoch": self._watch.epoch}
            self.emitter.emit(None, **held, **self._identity.fields())

"""Tells a provider's outage from loops: most of the active runs fail alike, so none of them is to blame."""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from sys import intern
from typing import Annotated

from msgspec import Meta, Struct

from agentwatch.policy.activity import RunKey
from agentwatch.policy.clock_step import moved
from agentwatch.records import Event
from agentwatch.subject import app_subject

__all__ = ["Outage", "OutageOptions", "Outcome", "provider_failed"]

_HEAD = 512  # a provider's error says what it is at once; the rest may quote anything
_CODE = re.compile(r"(?<![\w.])(?:429|50[0-4]|52[0-9])(?![\w.])")
_WORDS = (
    "rate limit",
    "rate_limit",
    "ratelimit",
    "too many requests",
    "overloaded",
    "service unavailable",
    "serviceunavailable",
    "bad gateway",
    "gateway time",
    "internal server error",
    "internalservererror",
    "resource_exhausted",
    "throttlingexception",
)


class OutageOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When failures are an outage: at least `min_runs` and more than `share` of the runs with an outcome in `window_s`.

    recover_s: it is held for over this long after the last moment at which that was so.
    """

    window_s: Annotated[float, Meta(ge=1, le=3600)] = 60.0
    share: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    min_runs: Annotated[int, Meta(ge=1, le=1_000_000)] = 10
    recover_s: Annotated[float, Meta(ge=0, le=3600)] = 60.0
    max_runs: Annotated[int, Meta(ge=1, le=10_000_000)] = 200_000


class Outcome(Struct, gc=False):
    """How a run's last outcome was."""

    at: float
    failed: bool


class OutageState(Struct):
    """What a checkpoint holds: last outcomes in the order of their times."""

    runs: list[tuple[str, str, str, float, bool]]
    since: float = 0.0
    until: float = 0.0
    dropped: int = 0


class Outage:
    """The last outcome of each run that had one lately, and whether most of them failed."""

    def __init__(self, options: OutageOptions) -> None:
        self._options = options
        self._runs: OrderedDict[RunKey, Outcome] = OrderedDict()
        self._failing = 0
        self._since = 0.0
        self._until = 0.0
        self._coarse_s = options.window_s / 64
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def known(self) -> tuple[dict[RunKey, Outcome], float]:
        """The runs, and for how many seconds nothing new need be noted of one; for whoever looks at each event."""
        return self._runs, self._coarse_s

    def note(self, key: RunKey, failed: bool, now: float) -> None:
        """Take a run's newest outcome."""
        seen = self._runs.get(key)
        if seen is not None and seen.failed is failed and now - seen.at < self._coarse_s:
            return
        if seen is not None:
            self._failing += failed - seen.failed
            seen.failed = failed
            seen.at = now
            self._runs.move_to_end(key)
        else:
            if len(self._runs) >= self._options.max_runs:
                self._leave(next(iter(self._runs)))
                self.dropped += 1
            self._runs[key] = Outcome(now, failed)
            self._failing += failed
        self.judge(now)

    def note_all(self, outcomes: Iterable[tuple[RunKey, bool]], now: float) -> None:
        """Take outcomes as `note` takes each of them, one after the other."""
        known, coarse_s = self._runs.get, self._coarse_s
        for key, failed in outcomes:
            seen = known(key)
            if seen is None or seen.failed is not failed or now - seen.at >= coarse_s:
                self.note(key, failed, now)

    def judge(self, now: float) -> None:
        """Forget old outcomes and set or extend the outage."""
        limit = now - self._options.window_s
        while self._runs:
            key = next(iter(self._runs))
            if self._runs[key].at >= limit:
                break
            self._leave(key)
        if self._failing >= self._options.min_runs and self._failing > self._options.share * len(self._runs):
            if now >= self._until:
                self._since = now
            self._until = now + self._options.recover_s

    def reason(self, now: float) -> str:
        """Say that there is an outage now; empty where there is none."""
        if now >= self._until:
            return ""
        return (
            f"outage: {self._failing} of {len(self._runs)} active runs fail with 429 or 5xx, "
            f"for {now - self._since:.0f} s; the provider is down, nobody is killed"
        )

    def shift(self, step: float, now: float) -> None:
        """Follow a clock that was set back: an outage lasts no longer for it."""
        for seen in self._runs.values():
            seen.at = moved(seen.at, step, now)
        left = max(0.0, self._until - now)
        self._since = moved(self._since, step, now)
        self._until = now + min(left, self._options.recover_s)

    def state(self) -> OutageState:
        """Give what a checkpoint holds."""
        runs = [(*key, seen.at, seen.failed) for key, seen in self._runs.items()]
        return OutageState(runs, self._since, self._until, self.dropped)

    def absorb(self, other: "Outage", mine: Callable[[str], bool]) -> None:
        """Take over the outcomes of another's runs whose subjects are `mine`, and its outage."""
        own, found = self.state(), other.state()
        runs = [run for run in found.runs if mine(app_subject(run[0], run[1]))]
        since, until = max((own.since, own.until), (found.since, found.until), key=lambda one: one[1])
        self.restore(OutageState(sorted(own.runs + runs, key=lambda run: run[3]), since, until, own.dropped))

    def restore(self, state: OutageState) -> None:
        """Take over what a checkpoint held."""
        self._runs = OrderedDict(
            ((intern(tenant), intern(app), intern(run)), Outcome(at, failed))
            for tenant, app, run, at, failed in state.runs
        )
        self._failing = sum(seen.failed for seen in self._runs.values())
        self._since, self._until, self.dropped = state.since, state.until, state.dropped

    def _leave(self, key: RunKey) -> None:
        self._failing -= self._runs.pop(key).failed


def provider_failed(event: Event) -> bool:
    """Tell whether an event failed the way a provider's outage makes events fail: 429, 5xx, or words for them."""
    if event.status == "rate_limited":
        return True
    if event.error is None or event.status in ("ok", "empty", "held"):
        return False
    text = event.error[:_HEAD].lower()
    return any(words in text for words in _WORDS) or _CODE.search(text) is not None

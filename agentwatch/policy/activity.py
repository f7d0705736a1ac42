"""Which runs were active lately, counted by tenant and by rule: the population that limits on harm are shares of."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from sys import intern
from typing import Annotated

from msgspec import Meta, Struct

from agentwatch.policy.clock_step import moved
from agentwatch.subject import app_subject

__all__ = ["Active", "Activity", "ActivityOptions", "RunKey"]

RunKey = tuple[str, str, str]  # tenant, app, run


class ActivityOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """window_s: how long a run counts as active after an event. max_runs: the longest idle is forgotten beyond it."""

    window_s: Annotated[float, Meta(ge=1, le=86400)] = 300.0
    max_runs: Annotated[int, Meta(ge=1, le=10_000_000)] = 200_000


class Active(Struct, gc=False):
    """When a run that is active was seen, and under which rule."""

    at: float
    rule: str


class ActivityState(Struct):
    """What a checkpoint holds: runs in the order of their last event."""

    runs: list[tuple[str, str, str, float, str]]
    dropped: int = 0


class Activity:
    """Active runs, with counts that are kept as runs come and go, never by walking over them."""

    def __init__(self, options: ActivityOptions) -> None:
        self._options = options
        self._runs: OrderedDict[RunKey, Active] = OrderedDict()
        self._tenants: dict[str, int] = {}
        self._rules: dict[str, int] = {}
        # a run that was seen within this time is not moved again: times are this coarse, and the hot path is one look
        self._coarse_s = options.window_s / 64
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def known(self) -> tuple[dict[RunKey, Active], float]:
        """The runs, and for how many seconds nothing new need be noted of one; for whoever looks at each event."""
        return self._runs, self._coarse_s

    def note(self, key: RunKey, rule: str, now: float) -> None:
        """Count a run as active at `now`, under this rule."""
        seen = self._runs.get(key)
        if seen is None:
            self._enter(key, rule, now)
        elif seen.rule != rule:
            _count(self._rules, seen.rule, -1)
            _count(self._rules, rule, 1)
            seen.rule = rule
        elif now - seen.at < self._coarse_s:
            return
        else:
            seen.at = now
            self._runs.move_to_end(key)
        self.expire(now)

    def note_all(self, keys: Iterable[RunKey], rules: Iterable[str], now: float) -> None:
        """Count runs as `note` counts each of them, one after the other."""
        known, coarse_s = self._runs.get, self._coarse_s
        for key, rule in zip(keys, rules, strict=True):
            seen = known(key)
            if seen is None or seen.rule != rule or now - seen.at >= coarse_s:
                self.note(key, rule, now)

    def end(self, key: RunKey) -> None:
        """Stop counting a run: it said that it ended."""
        if key in self._runs:
            self._leave(key)

    def expire(self, now: float) -> None:
        """Stop counting runs that have been silent for the window."""
        limit = now - self._options.window_s
        while self._runs:
            key = next(iter(self._runs))
            if self._runs[key].at >= limit:
                return
            self._leave(key)

    def tenant(self, tenant: str) -> int:
        """Tell how many runs of a tenant are active."""
        return self._tenants.get(tenant, 0)

    def rule(self, rule: str) -> int:
        """Tell how many runs under a rule are active."""
        return self._rules.get(rule, 0)

    def shift(self, step: float, now: float) -> None:
        """Follow a clock that was set back: who was active is so for no longer than before."""
        for seen in self._runs.values():
            seen.at = moved(seen.at, step, now)

    def populations(self) -> dict[str, int]:
        """Tell how many runs are active, by `tenant:…`, `rule:…` and `tombstone:…`."""
        found = {f"rule:{rule}": count for rule, count in self._rules.items()}
        for tenant, count in self._tenants.items():
            found[f"tenant:{tenant}"] = found[f"tombstone:{tenant}"] = count
        return found

    def state(self) -> ActivityState:
        """Give what a checkpoint holds."""
        return ActivityState([(*key, seen.at, seen.rule) for key, seen in self._runs.items()], self.dropped)

    def restore(self, state: ActivityState) -> None:
        """Take over what a checkpoint held."""
        kept = state.runs[-self._options.max_runs :]
        self.dropped = state.dropped + len(state.runs) - len(kept)
        self._runs = OrderedDict(
            # names as the restored runs hold them, so that each is one string
            ((intern(tenant), intern(app), intern(run)), Active(at, intern(rule)))
            for tenant, app, run, at, rule in kept
        )
        self._tenants = dict(Counter(key[0] for key in self._runs))
        self._rules = dict(Counter(seen.rule for seen in self._runs.values()))

    def absorb(self, other: "Activity", mine: Callable[[str], bool]) -> None:
        """Count the runs of another whose subjects are `mine`."""
        own, found = self.state(), other.state()
        runs = [run for run in found.runs if mine(app_subject(run[0], run[1]))]
        self.restore(ActivityState(sorted(own.runs + runs, key=lambda run: run[3]), own.dropped))

    def _enter(self, key: RunKey, rule: str, now: float) -> None:
        if len(self._runs) >= self._options.max_runs:
            self._leave(next(iter(self._runs)))
            self.dropped += 1
        self._runs[key] = Active(now, rule)
        _count(self._tenants, key[0], 1)
        _count(self._rules, rule, 1)

    def _leave(self, key: RunKey) -> None:
        seen = self._runs.pop(key)
        _count(self._tenants, key[0], -1)
        _count(self._rules, seen.rule, -1)


def _count(table: dict[str, int], name: str, change: int) -> None:
    left = table.get(name, 0) + change
    if left > 0:
        table[name] = left
    else:
        table.pop(name, None)

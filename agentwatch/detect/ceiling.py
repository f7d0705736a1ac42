"""Budgets: turns, time, tokens and dollars of a run, a tree of runs, an agent's day and an app's day.

What no digest can tell from progress (the same command with ever-changing output) is stopped here. The subject of the
signal is the thing whose budget it is.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct

from agentwatch.counting import counted
from agentwatch.detect.state import DayTotals, RootState, RunState, Scope
from agentwatch.records import Evidence, Level, Observation, Signal
from agentwatch.subject import agent_subject, app_subject, root_subject, run_subject

__all__ = ["Ceiling", "CeilingOptions", "ceilings"]

Turns = Annotated[int, Meta(ge=1, le=10**9)] | None
Seconds = Annotated[float, Meta(gt=0, le=366 * 86400.0)] | None
Tokens = Annotated[int, Meta(ge=1, le=10**15)] | None
Dollars = Annotated[float, Meta(gt=0, le=1e9)] | None
Extent = Literal["run", "root", "agent_day", "app_day"]
# How a limit's use is said: measure → (what it counts, amount of one in the state's units, format)
_USD = 1_000_000_000
_KILL_AT = 2.0


class CeilingOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits (None is none). `warn_at` is the share of a limit that warns; the whole pauses, or kills where `kill`."""

    enabled: bool = True
    kill: bool = False
    warn_at: Annotated[float, Meta(ge=0.1, le=0.99)] = 0.8
    run_turns: Turns = None
    run_s: Seconds = None
    run_tokens: Tokens = None
    run_usd: Dollars = None
    root_turns: Turns = None
    root_s: Seconds = None
    root_tokens: Tokens = None
    root_usd: Dollars = None
    agent_day_turns: Turns = None
    agent_day_tokens: Tokens = None
    agent_day_usd: Dollars = None
    app_day_turns: Turns = None
    app_day_tokens: Tokens = None
    app_day_usd: Dollars = None


class Used(Struct, gc=False):
    """What a subject has used, in units of the limits."""

    since: float
    turns: int
    tokens: int
    cost_nusd: int
    unpriced: int


class Ceiling:
    """Warns before a budget of one extent is used up, and pauses when it is."""

    kind = "ceiling"
    learns_from = ()

    def __init__(self, options: CeilingOptions, extent: Extent = "run") -> None:
        self.options = options
        self.extent = extent
        self.turns: float | None = getattr(options, f"{extent}_turns")
        self.seconds: float | None = getattr(options, f"{extent}_s", None)
        self.tokens: float | None = getattr(options, f"{extent}_tokens")
        self.usd: float | None = getattr(options, f"{extent}_usd")

    @property
    def limited(self) -> bool:
        """Whether any limit is set."""
        return any(one is not None for one in (self.turns, self.seconds, self.tokens, self.usd))

    def read(self, seen: Observation, state: Scope) -> Signal | None:
        """Tell the budget that is used up furthest, from the warning share on; the event itself is counted already."""
        used = self._used(state)
        share, name = 0.0, ""
        if self.turns is not None:
            share, name = used.turns / self.turns, "turns"
        if self.seconds is not None and (seen.now - used.since) / self.seconds > share:
            share, name = (seen.now - used.since) / self.seconds, "seconds"
        if self.tokens is not None and used.tokens / self.tokens > share:
            share, name = used.tokens / self.tokens, "tokens"
        if self.usd is not None and used.cost_nusd / (self.usd * _USD) > share:
            share, name = used.cost_nusd / (self.usd * _USD), "dollars"
        if share < self.options.warn_at:
            return None
        return self._signal(seen, state, used, share, name)

    def learn(self, seen: Observation, state: Scope) -> None:
        """Remember nothing: the totals are kept by `accounts`, for every event."""

    def _used(self, state: Scope) -> Used:
        if self.extent == "run":
            run: RunState = state.run
            return Used(run.started, run.turns, run.tokens, run.cost_nusd, run.unpriced)
        if self.extent == "root":
            root: RootState = state.root
            return Used(root.started, root.turns, root.tokens, root.cost_nusd, root.unpriced)
        day: DayTotals = state.agent.today if self.extent == "agent_day" else state.app.today
        return Used(day.since, day.turns, day.tokens, day.cost_nusd, day.unpriced)

    def _signal(self, seen: Observation, state: Scope, used: Used, share: float, name: str) -> Signal:
        options = self.options
        over = share >= 1.0
        hardest = Level.kill if options.kill else Level.pause
        against = (
            (f"{counted(used.unpriced, 'call is', 'calls are')} unpriced and not in the dollars",)
            if used.unpriced
            else ()
        )
        return Signal(
            kind=self.kind,
            subject=self._subject(state),
            strength=1.0 + (share - options.warn_at) / (1.0 - options.warn_at) * (_KILL_AT - 1.0),
            kill_at=_KILL_AT,
            ceiling=hardest if over else Level.warn,
            confidence=1.0 if over else 0.9,
            reason=self._reason(seen.now, used, share, name),
            speaks_for=(f"{self._whose()} budget of {self._say(name, 1.0)} is {share:.0%} used",),
            speaks_against=against,
            evidence=Evidence(
                count=used.turns,
                onset_index=state.run.first_index,
                since=used.since,
                last=seen.now,
                event_ids=(seen.event.id,),
                tool=seen.event.tool,
                model=state.run.model,
                tokens=used.tokens,
                cost_nusd=used.cost_nusd,
                unpriced=used.unpriced,
            ),
        )

    def _reason(self, now: float, used: Used, share: float, name: str) -> str:
        said = f"{self._say(name, share)} of {self._say(name, 1.0)} for {self._whose()}"
        elapsed = now - used.since
        if share >= 1.0 or elapsed <= 0:
            return f"{said}: used up" if share >= 1.0 else said
        return f"{said}: at this rate used up in {_span(elapsed * (1.0 - share) / share)}"

    def _say(self, name: str, share: float) -> str:
        if name == "dollars":
            return f"${(self.usd or 0.0) * share:,.2f}"
        if name == "seconds":
            return _span((self.seconds or 0.0) * share)
        limit = (self.turns if name == "turns" else self.tokens) or 0.0
        return f"{limit * share:,.0f} {name}"

    def _whose(self) -> str:
        return {"run": "the run", "root": "the tree of runs", "agent_day": "the agent today"}.get(
            self.extent, "the app today"
        )

    def _subject(self, state: Scope) -> str:
        run = state.run
        if self.extent == "run":
            return run_subject(run.tenant, run.app, run.run)
        if self.extent == "root":
            return root_subject(run.tenant, run.app, run.root)
        if self.extent == "agent_day":
            return agent_subject(run.tenant, run.app, state.agent.agent)
        return app_subject(run.tenant, run.app)


def ceilings(options: CeilingOptions) -> Iterator[Ceiling]:
    """Make one detector for each extent that has a limit."""
    extents: tuple[Extent, ...] = ("run", "root", "agent_day", "app_day")
    for extent in extents:
        one = Ceiling(options, extent)
        if one.limited:
            yield one


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"

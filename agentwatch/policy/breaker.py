"""The limit on what agentwatch itself may do: so many kills in a window for each scope, then none until it is proven.

A breaker is closed; the first kill beyond its limit opens it; after `open_s` it is half-open and lets one trial kill
through; when that kill is verified, or nobody took it back for `open_s`, it is closed again; when an operator undoes
it, it is open anew. In no state are there more kills within a window than the limit allows.
"""

from typing import Annotated

from msgspec import Meta, Struct, field

from agentwatch.policy.clock_step import moved
from agentwatch.views import BreakerView

__all__ = ["Breaker", "BreakerOptions"]


class BreakerOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many kills a scope may see within `window_s`.

    share: of the active runs where there are `min_runs` of them or more (never less than one kill), else `small_limit`.
    open_s: how long an opened breaker waits for its trial.
    """

    window_s: Annotated[float, Meta(ge=1, le=86400)] = 300.0
    share: Annotated[float, Meta(gt=0, le=1)] = 0.10
    min_runs: Annotated[int, Meta(ge=1, le=1_000_000)] = 50
    small_limit: Annotated[int, Meta(ge=0, le=1_000_000)] = 10
    open_s: Annotated[float, Meta(ge=1, le=86400)] = 300.0
    max_scopes: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000

    def allowed(self, population: int) -> int:
        """Tell how many kills a window may hold with so many active runs."""
        return self.small_limit if population < self.min_runs else max(1, int(self.share * population))


class _Scope(Struct):
    kills: dict[str, float] = field(default_factory=dict)  # subject → time of its last kill, oldest first
    opened: bool = False
    since: float = 0.0
    trial: str = ""
    trial_at: float = 0.0
    doubtful: set[str] = field(default_factory=set)  # subjects of kills whose age is not known, and may be over


class BreakerState(Struct):
    """What a checkpoint holds."""

    scopes: dict[str, _Scope]


class Breaker:
    """One count and one state for each scope. Asking changes nothing; what was decided is told to it afterwards."""

    def __init__(self, options: BreakerOptions) -> None:
        self._options = options
        self._scopes: dict[str, _Scope] = {}
        self._recalled: dict[str, set[str]] = {}

    def reason(self, scope: str, subject: str, population: int, now: float) -> str:
        """Say why one more kill in this scope is too many; empty where it is not.

        A subject that was killed within the window already holds its permit: killing it again harms nobody else.
        """
        found = self._scopes.get(scope)
        if found is None:
            if not self._room(now):
                return f"breaker {scope}: too many scopes are in use ({self._options.max_scopes})"
            found = _Scope()  # nothing was counted yet: the limit holds for the first kill, too
        self._pass(found, now)
        used, allowed = len(found.kills), self._options.allowed(population)
        if subject in found.kills and (used <= allowed or subject not in found.doubtful):
            return ""
        if used >= allowed:
            return f"breaker {scope}: {used} of {allowed} kills in {self._options.window_s:g} s are used"
        phase = self._phase(found, now)
        if phase == "open":
            return f"breaker {scope}: open for {now - found.since:.0f} s, a trial after {self._options.open_s:g} s"
        if phase == "half_open" and found.trial:
            return f"breaker {scope}: half-open, waiting for what becomes of {found.trial}"
        return ""

    def killed(self, scope: str, subject: str, now: float) -> None:
        """Count an effective kill."""
        found = self._scopes.setdefault(scope, _Scope())
        self._pass(found, now)
        if subject not in found.kills and found.opened and not found.trial:
            found.trial, found.trial_at = subject, now
        found.kills.pop(subject, None)
        found.kills[subject] = now
        found.doubtful.discard(subject)

    def refused(self, scope: str, population: int, now: float) -> None:
        """Open the breaker when a kill was held back because its window is full."""
        found = self._scopes.get(scope)
        allowed = self._options.allowed(population)
        if found is None:
            if allowed or not self._room(now):
                return
            found = self._scopes[scope] = _Scope()
        self._pass(found, now)
        if not found.opened and len(found.kills) >= allowed:
            found.opened, found.since, found.trial = True, now, ""

    def verified(self, subject: str) -> None:
        """Close every breaker whose trial was this subject: its kill worked, and nobody took it back."""
        for scope in self._scopes.values():
            if scope.opened and scope.trial == subject:
                scope.opened, scope.trial = False, ""

    def undone(self, subject: str, now: float) -> None:
        """Open every breaker anew whose trial was this subject: an operator took the kill back."""
        for scope in self._scopes.values():
            if scope.opened and scope.trial == subject:
                scope.since, scope.trial = now, ""

    def shift(self, step: float, now: float) -> None:
        """Follow a clock that was set: what was counted keeps its age, so that no step of it frees a permit.

        What would lie ahead after a step back is taken for younger than it may be, and no longer for a permit in hand.
        """
        for scope in self._scopes.values():
            if step < 0:
                scope.doubtful |= {subject for subject, at in scope.kills.items() if at > now}
            scope.kills = {subject: moved(at, step, now) for subject, at in scope.kills.items()}
            scope.since = moved(scope.since, step, now)
            scope.trial_at = moved(scope.trial_at, step, now)

    def recalled(self, scope: str, subject: str) -> None:
        """Count a kill that is read back from the log; `resume` tells when it counts from."""
        self._scopes.setdefault(scope, _Scope()).kills.pop(subject, None)
        self._recalled.setdefault(scope, set()).add(subject)

    def resume(self, now: float) -> None:
        """Let what was read back count from now on: no clock of then can be trusted to tell its age."""
        for scope, subjects in self._recalled.items():
            for subject in sorted(subjects):
                self.killed(scope, subject, now)
            self._scopes[scope].doubtful |= subjects
        self._recalled.clear()

    def reset(self, scope: str = "") -> bool:
        """Forget a scope's kills and close it, or all of them; False where there is no such scope."""
        if not scope:
            self._scopes.clear()
            return True
        return self._scopes.pop(scope, None) is not None

    def view(self, scope: str, population: int, now: float) -> BreakerView:
        """Tell what one scope has used of its kills at `now`, and whether it is open."""
        found = self._scopes.get(scope) or _Scope()
        self._pass(found, now)
        return BreakerView(
            scope=scope,
            state=self._phase(found, now),
            used=len(found.kills),
            allowed=self._options.allowed(population),
            window_s=self._options.window_s,
            since=found.since if found.opened else 0.0,
        )

    def absorb(self, other: "Breaker") -> None:
        """Count the kills of another, too; what is open there is open here."""
        for name, found in other._scopes.items():
            scope = self._scopes.setdefault(name, _Scope())
            kills = {**found.kills, **scope.kills}
            scope.kills = dict(sorted(kills.items(), key=lambda kill: kill[1]))
            scope.doubtful = scope.doubtful | found.doubtful
            if found.opened and not scope.opened:
                scope.opened, scope.since = True, found.since
                scope.trial, scope.trial_at = found.trial, found.trial_at

    def scopes(self) -> tuple[str, ...]:
        """List the scopes that have counted something."""
        return tuple(self._scopes)

    def state(self) -> BreakerState:
        """Give what a checkpoint holds."""
        return BreakerState(self._scopes)

    def restore(self, state: BreakerState) -> None:
        """Take over what a checkpoint held."""
        self._scopes = state.scopes

    def _phase(self, scope: _Scope, now: float) -> str:
        if not scope.opened:
            return "closed"
        return "half_open" if scope.trial or now - scope.since >= self._options.open_s else "open"

    def _pass(self, scope: _Scope, now: float) -> None:
        """Let time pass: old kills leave the window, and a trial that nobody took back closes the breaker."""
        limit = now - self._options.window_s
        while scope.kills:
            subject = next(iter(scope.kills))
            if scope.kills[subject] > limit:
                break
            del scope.kills[subject]
            scope.doubtful.discard(subject)
        if scope.opened and scope.trial and now - scope.trial_at >= self._options.open_s:
            scope.opened, scope.trial = False, ""

    def _room(self, now: float) -> bool:
        """Tell whether one more scope may be counted; one that holds nothing any more makes room."""
        if len(self._scopes) < self._options.max_scopes:
            return True
        for name, scope in self._scopes.items():
            self._pass(scope, now)
            if not scope.kills and not scope.opened:
                del self._scopes[name]
                return True
        return False

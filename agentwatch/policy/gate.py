"""Asked last, before anything is done to an agent: says what holds the decision back, and why.

The order, and the first that holds is the one that is named:

1. `protected`: the rule protects the agent. It holds for an operator too: protection is lifted in the policy's files.
   An operator's decision meets nothing else: not the mode, the list, staleness, the outage or the breaker.
2. `own_effect`: what looks like evidence is the consequence of our own throttle or pause.
3. `allow`: an entry of the allow list covers the subject.
4. `mode`: the whole, or the rule, only observes.
5. `staleness`: what is read is too old, too far behind or has holes. Re-issued commands (`verify`) pass: they stand.
6. `outage`: the provider is down. Only kills are held; throttling and pausing park the runs.
7. `breaker`: too many kills already, counted for the tenant and for the rule. Catches of a tombstone have a count of
   their own for each tenant, so that a parent that starts its child anew does not use up the permits of others.
8. `approval`: the rule wants a human's word for this level, and has none.
9. `permit`: other partitions share the breaker's limits, and no permit was reserved yet.

A warning harms nobody: only 2 and 3 hold it, and staleness or an outage are told in the reason. Going down is relief:
5 to 7 never hold it.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from agentwatch.policy.activity import RunKey
from agentwatch.policy.allow import AllowList
from agentwatch.policy.approval import APPROVAL, wanted
from agentwatch.policy.breaker import Breaker
from agentwatch.policy.canary import CANARY_TENANT
from agentwatch.policy.gate_options import GateAnswer, GateOptions, GateState
from agentwatch.policy.permits import Permits, scopes_of
from agentwatch.policy.rules import Mode, Rule
from agentwatch.policy.runs import Runs
from agentwatch.policy.staleness import Staleness
from agentwatch.records import Change, Decision, Event, Level, Observation, Origin, Tick
from agentwatch.subject import covering
from agentwatch.views import BreakerView

__all__ = ["Gate", "GateAnswer", "GateOptions"]


PASS = GateAnswer()
_NEW_HARM = frozenset((Change.up, Change.released, Change.escalated))


class Gate:
    """Counts what it must know from events and decisions; `ask` changes nothing.

    `now` everywhere is the time of the source's tick: one clock for the whole partition.
    """

    def __init__(self, options: GateOptions, shared: bool = False) -> None:
        self._options = options
        self.permits = Permits(shared)
        self._now = 0.0
        self._recalling = False
        self._mode = ""
        self.safe = ""  # why the daemon is in safe mode; empty where it is not
        self._rule_modes: dict[str, str] = {}
        self.runs = Runs(options.activity, options.outage)
        self._activity, self._outage = self.runs.activity, self.runs.outage
        self._breaker = Breaker(options.breaker)
        self._staleness = Staleness(options.staleness)
        self.allow = AllowList(options.max_allow)

    def tick(self, tick: Tick) -> None:
        """Take the time of a batch. A clock that goes back by a step is followed; a smaller wobble is not."""
        if step := self._staleness.tick(tick):
            self._breaker.shift(step, tick.at)
        if step < 0:
            self.runs.shift(step, tick.at)
        if tick.at > self._now or self._now - tick.at > self._options.staleness.back_step_s:
            self._now = tick.at
        if self._recalling:
            self._recalling = False
            self._breaker.resume(self._now)
        self._activity.expire(self._now)
        self._outage.judge(self._now)

    @property
    def now(self) -> float:
        """The time that the gate goes by: the newest of the source's ticks."""
        return self._now

    def recall(self, at: float) -> None:
        """Take the time of what is learnt again after a restart; the ticks of then are not read again."""
        self._staleness.recall(at)
        self._recalling = True

    def note_event(
        self, event: Event, rule: str, now: float, own_effect: bool = False, key: RunKey | None = None
    ) -> None:
        """Count the event's run (`key`, in strings kept anyway) as active, and whether it fails as in an outage."""
        # the gate's own clock is not moved: while a restart learns, `now` is the entries' time, not the source's
        self.runs.note(event, key or (event.tenant, event.app, event.run), rule, max(now, self._now), own_effect)

    def note_events(
        self, seen: Sequence[Observation], keys: Sequence[RunKey], rules: Sequence[str], now: float
    ) -> None:
        """Count events as `note_event` counts each of them; none of them ends its run."""
        self.runs.note_all(seen, keys, rules, max(now, self._now))

    def note_decision(self, decision: Decision) -> None:
        """Fold a decision that was made or is read back from the log: permits used, breakers opened or closed."""
        if decision.tenant == CANARY_TENANT:
            return  # it harms nobody
        now = self._now if self._recalling else self._clock(decision.at)
        if decision.change is Change.verified:
            if not decision.gate:
                self._breaker.verified(decision.subject)
        elif decision.origin is Origin.operator:
            if decision.level < Level.kill:
                self._breaker.undone(decision.subject, now)
        elif decision.level is Level.kill and decision.change in _NEW_HARM and not decision.author:
            for scope, population in self._scopes(decision):
                if not decision.gate and self._recalling:
                    self._breaker.recalled(scope, decision.subject)
                elif not decision.gate:
                    self._breaker.killed(scope, decision.subject, now)
                elif decision.gate == "breaker":
                    self._breaker.refused(scope, population, now)

    def ask(self, decision: Decision, rule: Rule, now: float, own_effect: bool = False) -> GateAnswer:
        """Say whether a decision may become effective. Ask for every `up`, and for what was held back, again."""
        now = self._clock(now)
        if decision.tenant == CANARY_TENANT:
            return self._canary(decision)
        harms = decision.level >= Level.throttle
        if harms and rule.protected:
            return GateAnswer("protected", f"protected by rule {rule.name!r}")
        if decision.origin is Origin.operator:
            return PASS
        if own_effect and decision.change is not Change.down:
            return GateAnswer("own_effect", "the evidence is a consequence of our own throttle or pause")
        allowed = self._allowed(decision, now)
        if allowed:
            return GateAnswer("allow", allowed)
        if not harms:
            return GateAnswer("", self._staleness.reason(decision.ts) or self._outage.reason(now))
        if self.mode_of(rule) == "observe":
            where = f"rule {rule.name!r}" if self.mode == "enforce" else self.safe or "agentwatch"
            return GateAnswer("mode", f"{where} only observes: would {decision.level.name}")
        if decision.change is Change.down:
            return PASS
        answer = self._limits(decision, now)
        asked = "" if answer.gate else wanted(decision, rule, now)
        if asked:
            return GateAnswer(APPROVAL, asked)
        if not answer.gate and decision.level is Level.kill:
            answer = GateAnswer(*self.permits.answer(decision, now, answer.reason))
        return answer

    @property
    def mode(self) -> str:
        """The whole daemon's mode: observe in safe mode, else as an operator set it, else as configured."""
        return "observe" if self.safe else self._mode or self._options.mode

    def mode_of(self, rule: Rule) -> str:
        """Tell the mode that holds for a rule: `observe` for the whole goes before any rule's own."""
        return "observe" if self.mode == "observe" else self._rule_modes.get(rule.name, rule.mode)

    def active_under(self, rule: str) -> int:
        """Count the runs under a rule that had an event lately."""
        return self._activity.rule(rule)

    def rule_modes(self) -> Mapping[str, str]:
        """List the rules' modes that an operator set."""
        return dict(self._rule_modes)

    def set_mode(self, mode: Mode, rule: str = "") -> None:
        """Set the whole daemon's mode, or that of a rule, until it is set again. The former ends safe mode."""
        if rule:
            self._rule_modes[rule] = mode
        else:
            self._mode, self.safe = mode, ""

    def outage(self, now: float) -> str:
        """Say that there is an outage now; empty where there is none."""
        return self._outage.reason(self._clock(now))

    def reset(self, scope: str = "") -> bool:
        """Close a breaker, or all of them, and forget its kills; False where there is no such scope."""
        return self._breaker.reset(scope)

    def breakers(self, now: float) -> tuple[BreakerView, ...]:
        """Show every breaker that has counted something."""
        now = self._clock(now)
        self._activity.expire(now)
        return tuple(self._breaker.view(scope, self._population(scope), now) for scope in self._breaker.scopes())

    def populations(self) -> dict[str, int]:
        """Tell how many runs are active, by the scopes of breakers."""
        return self._activity.populations()

    def sizes(self) -> dict[str, int]:
        """Tell how much of what is bounded here is used."""
        return {
            "activity_runs": len(self._activity),
            "outage_runs": len(self._outage),
            "breaker_scopes": len(self._breaker.scopes()),
            "allow_entries": len(self.allow),
        }

    def dropped(self) -> dict[str, int]:
        """Tell what was forgotten because a bound was reached."""
        return {"activity_runs": self._activity.dropped, "outage_runs": self._outage.dropped}

    def absorb(self, other: "Gate", mine: Callable[[str], bool]) -> None:
        """Take over what another knows: runs whose subjects are `mine`, and whatever holds for all of them.

        Permits that were used anywhere count everywhere, so that a split never allows more kills.
        """
        self._now = max(self._now, other._now)
        self._mode = self._mode or other._mode
        self._rule_modes = {**other._rule_modes, **self._rule_modes}
        self._activity.absorb(other._activity, mine)
        self._outage.absorb(other._outage, mine)
        self._breaker.absorb(other._breaker)
        self._staleness.absorb(other._staleness)
        self.allow.absorb(other.allow)
        self.safe = self.safe or other.safe

    def snapshot(self) -> bytes:
        """Encode everything that must survive a restart."""
        state = GateState(
            now=self._now,
            mode=self._mode,
            rule_modes=self._rule_modes,
            activity=self._activity.state(),
            allow=self.allow.state(),
            breaker=self._breaker.state(),
            outage=self._outage.state(),
            staleness=self._staleness.state(),
            safe=self.safe,
            permits=self.permits.state(),
        )
        return msgspec.msgpack.encode(state)

    def restore(self, data: bytes) -> None:
        """Take over an encoded state."""
        state = msgspec.msgpack.decode(data, type=GateState)
        self._now, self._mode, self._rule_modes, self.safe = state.now, state.mode, state.rule_modes, state.safe
        self._activity.restore(state.activity)
        self.allow.restore(state.allow)
        self._breaker.restore(state.breaker)
        self._outage.restore(state.outage)
        self._staleness.restore(state.staleness)
        self.permits.restore(state.permits)

    def _limits(self, decision: Decision, now: float) -> GateAnswer:
        """Ask what depends on the state of the whole fleet."""
        outage = ""
        if decision.origin is not Origin.verify:
            stale = self._staleness.reason(decision.ts)
            if stale:
                return GateAnswer("staleness", stale)
            outage = self._outage.reason(now)
            if outage and decision.level is Level.kill:
                return GateAnswer("outage", outage)
        if decision.level is Level.kill:
            for scope, population in self._scopes(decision):
                reason = self._breaker.reason(scope, decision.subject, population, now)
                if reason:
                    return GateAnswer("breaker", reason)
        return GateAnswer("", outage)

    def _canary(self, decision: Decision) -> GateAnswer:
        """Hold the synthetic agent by what would be held of anybody for a reason of agentwatch's own alone."""
        stale = "" if decision.origin is Origin.verify else self._staleness.reason(decision.ts)
        return GateAnswer("staleness", stale) if stale else PASS

    def _allowed(self, decision: Decision, now: float) -> str:
        d = decision
        subjects = (d.subject, *covering(d.tenant, d.app, d.agent, d.run, d.root_run, d.task))
        entry = self.allow.match(subjects, now)
        if entry is None:
            return ""
        left = f"{(entry.expires_at - now) / 3600:.1f} h left"
        return f"allowed by {entry.pattern!r}, {entry.author}: {entry.comment or 'no comment'} ({left})"

    def _scopes(self, decision: Decision) -> tuple[tuple[str, int], ...]:
        """List the breakers that count a kill, each with its population."""
        self._activity.expire(self._now)
        return tuple((name, self._population(name)) for name in scopes_of(decision))

    def _population(self, scope: str) -> int:
        kind, _, name = scope.partition(":")
        return self._activity.rule(name) if kind == "rule" else self._activity.tenant(name)

    def _clock(self, now: float) -> float:
        self._now = max(self._now, now)
        return self._now

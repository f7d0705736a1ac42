"""What an event does to the ledgers whether or not anything is decided on it: counts, calm, news of an incident."""

from collections.abc import Sequence

from agentwatch.act.quoting import quoted
from agentwatch.act.verify import Finding
from agentwatch.cost.ledger import Ledger, Line
from agentwatch.deciding import Ledgers
from agentwatch.detect.state import Scope
from agentwatch.detect.tally import GATE_LEFT, tally_of
from agentwatch.policy.activity import Active, RunKey
from agentwatch.policy.ladder import Move
from agentwatch.policy.outage import Outcome
from agentwatch.records import CANARY_TENANT, Event, Incident, LedgerRow, Level, Observation, Verdict
from agentwatch.rulebook import Compiled
from agentwatch.subject import agent_subject, app_subject, root_subject, run_subject

__all__ = ["Weigher", "concerned"]

# Events that say nothing for or against anybody: no evidence, and no calm either.
_MUTE = frozenset(("heartbeat", "run_start", "compact"))

_STRETCH = 64  # events that are counted together at most: those are still near, a whole batch is not


class Weigher:
    """Used alike when events are judged and when they are learnt again after a restart.

    Most events lead to nothing but sums. In the compiled form each of those is counted at once (`Tally`); in the pure
    form some together (`add_up`), and at the end of a batch, and before anything else happens in it.
    """

    def __init__(self, ledger: Ledger, ledgers: Ledgers) -> None:
        self._ledger = ledger
        self._ledgers = ledgers
        self._known = ledgers.names.counts
        self._passed: list[Observation] = []
        self._keys: list[RunKey] = []
        self._rules: list[str] = []
        self._tally = tally_of(self._known, Line, Active, Outcome)
        self._together = _STRETCH if self._tally is None else 1
        ledgers.names.add(CANARY_TENANT)

    def begin(self, now: float) -> None:
        """Begin a batch all of whose events are counted at this time."""
        if self._tally is not None:
            gate = self._ledgers.gate
            runs, outcomes = gate.runs.activity.known, gate.runs.outage.known
            self._tally.open(*self._ledger.book, *runs, *outcomes, max(now, gate.now))

    def end(self, now: float) -> LedgerRow:
        """End a batch; gives what was used in it."""
        self.add_up(now)
        if self._tally is not None:
            self._tally.close()
        return self._ledger.drain()

    def passes(self, seen: Observation, scope: Scope, rule: str, now: float) -> bool:
        """Take in an event of which no detector spoke, if nothing but sums follows from it; else False, to be noted."""
        event, known = seen.event, self._known
        if self._tally is not None and (told := self._tally.take(seen, scope, rule)):
            if told == GATE_LEFT:
                run = scope.run
                self._ledgers.gate.note_event(event, rule, now, seen.own_effect, (run.tenant, run.app, run.run))
            return True
        if (
            event.run in known
            or event.agent in known
            or event.app in known
            or event.tenant in known
            or event.root_run in known
            or event.task in known
            or scope.duplicate
            or event.op == "run_end"
        ):
            return False
        run = scope.run
        self._passed.append(seen)
        self._keys.append((run.tenant, run.app, run.run))
        self._rules.append(rule)
        if len(self._passed) >= self._together:
            self.add_up(now)
        return True

    def add_up(self, now: float) -> None:
        """Count what passed since the last time; `now` is the time of all of it."""
        if self._passed:
            passed, keys, rules = self._passed, self._keys, self._rules
            self._passed, self._keys, self._rules = [], [], []
            self._ledgers.gate.note_events(passed, keys, rules, now)
            self._ledger.add(passed)

    def note(self, seen: Observation, scope: Scope, compiled: Compiled, now: float) -> tuple[Finding, ...]:
        """Count the event where it is counted: activity, the ledger, and spending after a stop, which is given."""
        self.add_up(now)
        event, ledgers = seen.event, self._ledgers
        if event.tenant == CANARY_TENANT:
            return () if scope.duplicate else ledgers.verifier.see(event, seen.cost_nusd)
        run = scope.run
        ledgers.gate.note_event(event, compiled.rule.name, now, seen.own_effect, (run.tenant, run.app, run.run))
        if scope.duplicate:
            return ()
        self._ledger.add((seen,), ledgers.ladder.concerns((event.run,)) and self._looping(event))
        if event.op == "run_end" and event.run == event.root_run:
            ledgers.incidents.run_ended(event.tenant, event.app, event.root_run, now)
        return ledgers.verifier.see(event, seen.cost_nusd)

    def calm(self, seen: Observation, compiled: Compiled, judged: Sequence[Verdict]) -> list[Move]:
        """Let the levels of those subjects decay that the event concerns and no signal was about."""
        event, ladder = seen.event, self._ledgers.ladder
        if not ladder.concerns((event.run, event.root_run, event.agent, event.app)):
            return []
        if seen.own_effect or event.status == "held" or event.op in _MUTE:
            return []
        spoken_of = [verdict.subject for verdict in judged]
        allowed, options = compiled.rule.actions, compiled.ladder
        moves = (ladder.calm(s, seen.now, allowed, options) for s in concerned(event) if s not in spoken_of)
        return [move for move in moves if move is not None]

    def tell(self, verdict: Verdict, seen: Observation, compiled: Compiled, now: float) -> Incident | None:
        """Let the incident of what stands know of its grown evidence."""
        stood = self._ledgers.standing.get(verdict.subject)
        if stood is None:
            return None
        evidence = quoted(verdict.lead.evidence, seen, samples=compiled.rule.samples)
        return self._ledgers.incidents.note(stood.tenant, stood.app, stood.root_run, verdict.lead.kind, evidence, now)

    def _looping(self, event: Event) -> bool:
        return self._ledgers.ladder.level(run_subject(event.tenant, event.app, event.run)) >= Level.warn


def concerned(event: Event) -> tuple[str, str, str, str]:
    """Name the subjects that an event may be evidence about."""
    return (
        run_subject(event.tenant, event.app, event.run),
        root_subject(event.tenant, event.app, event.root_run),
        agent_subject(event.tenant, event.app, event.agent),
        app_subject(event.tenant, event.app),
    )

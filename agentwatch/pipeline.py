"""The whole path, from raw entries to one commit: a pure function of the state and the ordered inputs.

Read `Pipeline.step` first. No clock, no I/O and no randomness is inside: the same inputs give the same commit.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from agentwatch.act.commit import Draft
from agentwatch.act.verify import Finding
from agentwatch.cost.ledger import Ledger
from agentwatch.cost.prices import Pricer
from agentwatch.deciding import Decider, Ledgers
from agentwatch.detect.bank import Bank
from agentwatch.detect.state import Scope
from agentwatch.errors import BadRequest
from agentwatch.fingerprint.batch import Fingerprinter
from agentwatch.ingest.decode import DecodeOptions, DecodeStats, decode, entry_time
from agentwatch.operating import Operator
from agentwatch.records import (
    Batch,
    Commit,
    Control,
    DeadLetter,
    Decision,
    Entry,
    Event,
    Level,
    Observation,
    Positions,
    Tick,
    Verdict,
)
from agentwatch.rulebook import Compiled, RuleBook
from agentwatch.subject import agent_subject, app_subject, covering, root_subject, run_subject
from agentwatch.verdict import fold

__all__ = ["Answer", "Parts", "Pipeline", "PipelineOptions"]

Answer = Decision | BadRequest | None
_OURS = frozenset(("held", "denied", "rate_limited"))  # what our own throttle, pause or kill looks like to an agent


class PipelineOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """settle_s: how often, in seconds of the tick, held decisions are asked again; settle_limit: how many at once.

    event_ticks: the events' own times are the ticks (a replay of files).
    """

    settle_s: float = 1.0
    settle_limit: int = 256
    event_ticks: bool = False


class Parts(Struct, frozen=True):
    """What an event meets before anything is decided."""

    decode: DecodeOptions
    decoded: DecodeStats
    fingerprinter: Fingerprinter
    pricer: Pricer
    bank: Bank
    ledger: Ledger


class Pipeline:
    """One partition's path. `positions` says how far it has come."""

    def __init__(
        self, partition: int, rulebook: RuleBook, parts: Parts, ledgers: Ledgers, options: PipelineOptions
    ) -> None:
        self.rulebook = rulebook
        self.parts = parts
        self.ledgers = ledgers
        self.positions = Positions()
        self.answers: list[tuple[str, Answer]] = []
        self._options = options
        self._draft = Draft(self.positions, Tick(0.0))
        self._decider = Decider(partition, rulebook, ledgers, self._draft)
        self._operator = Operator(self._decider, ledgers.gate, ledgers.standing, parts.bank)
        self._settled = 0.0
        self._lag = 0
        self.opened = 0

    def step(self, batch: Batch) -> Commit:
        """Take one batch and give everything that it changes, as one commit."""
        draft = self._begin(batch.tick)
        for position, control in batch.controls:
            draft.controls = position
            self.answers.append((control.id, self._operate(control)))
        for position, ack in batch.acks:
            draft.acks = position
            self._find(self.ledgers.verifier.ack(ack))
        for seen, scope in self._observe(batch.entries, draft):
            self._judge(seen, scope)
        self._settle(draft.at)
        self.positions = draft.positions()
        return draft.commit(self.parts.ledger.drain())

    def recover(
        self, entries: Sequence[Entry], decisions: Sequence[Decision], controls: Sequence[Control] = ()
    ) -> None:
        """Bring the state up to what was committed after its checkpoint.

        Events are learnt again; decisions are taken from the log, in its order, and never computed anew.
        """
        draft = self._begin(Tick(self._draft.at))
        waiting = list(reversed(decisions))
        for control in controls:
            if control.kind not in ("decide", "delete"):
                self._operate(control)
        for seen, scope in self._observe(entries, draft):
            compiled = self.rulebook.match(seen.event)
            self.parts.bank.observe(seen, scope, compiled.detect)
            self._note(seen, scope, compiled)
            while waiting and order(waiting[-1].position) <= order(seen.position):
                self._refold(waiting.pop())
        while waiting:
            self._refold(waiting.pop())
        self.parts.ledger.drain()
        self.positions = draft.positions()

    def adopt(self, rulebook: RuleBook) -> None:
        """Judge by another rulebook from the next event on; the state is kept."""
        self.rulebook = rulebook
        self._decider.rulebook = rulebook

    def _begin(self, tick: Tick) -> Draft:
        self._draft = draft = Draft(self.positions, tick)
        self._decider.draft = draft
        self.answers = []
        self._lag = tick.lag
        if not self._options.event_ticks:
            self.ledgers.gate.tick(tick)
        return draft

    def _observe(self, entries: Sequence[Entry], draft: Draft) -> Iterator[tuple[Observation, Scope]]:
        """Decode, fingerprint and price a batch, and place each event where it belongs."""
        parts = self.parts
        replay = self._options.event_ticks
        decoded: list[tuple[int, str, Event]] = []
        for entry in entries:
            entry_at = None if replay else entry_time(entry.id)
            got = decode(entry, draft.at, entry_at, parts.decode, parts.decoded)
            if isinstance(got, DeadLetter):
                draft.dead.append(got)
            else:
                decoded.append((draft.index, entry.id, got))
            draft.entries.append(entry.id)
            draft.index += 1
        prints = parts.fingerprinter.batch([event for _, _, event in decoded])
        for (index, position, named), its in zip(decoded, prints, strict=True):
            scope = parts.bank.admit(named, index)
            event = _placed(named, scope)
            draft.events = position
            if replay:
                self._tick(event.ts)
            cost = parts.pricer.price(event)
            yield Observation(index, position, scope.app.clock, event, its, cost, self._ours(event)), scope
        if entries:
            draft.events = entries[-1].id

    def _judge(self, seen: Observation, scope: Scope) -> None:
        """Detect, weigh and decide for one event."""
        compiled = self.rulebook.match(seen.event)
        if scope.opened:
            self.opened += 1
            stone = self.ledgers.tombstones.match(seen.event)
            if stone is not None and self.ledgers.tombstones.relation(stone, seen.event) != "same":
                self._decider.revived(stone, seen, compiled.rule)
        signals = self.parts.bank.observe(seen, scope, compiled.detect)
        self._note(seen, scope, compiled)
        verdicts = fold(signals)
        for verdict in verdicts:
            move = self.ledgers.ladder.climb(verdict, seen.now, compiled.rule.actions, compiled.ladder)
            if move is None:
                self._stand(verdict, seen)
                continue
            if move.previous is Level.observe:
                self.parts.ledger.waste(seen.event, verdict.lead.evidence.cost_nusd)
            self._decider.moved(move, seen, compiled.rule)
        if self.ledgers.ladder:
            self._calm(seen, compiled, [verdict.subject for verdict in verdicts])

    def _calm(self, seen: Observation, compiled: Compiled, judged: Sequence[str]) -> None:
        """Let the levels of those subjects decay that the event concerns and no signal was about."""
        for subject in _concerned(seen.event):
            if subject not in judged:
                move = self.ledgers.ladder.calm(subject, seen.now, compiled.ladder)
                if move is not None:
                    self._decider.moved(move, seen, compiled.rule)

    def _stand(self, verdict: Verdict, seen: Observation) -> None:
        """Ask again what the gate held back, or extend the lease of what stands, as the evidence goes on."""
        stood = self.ledgers.standing.get(verdict.subject)
        if stood is None:
            return
        lead = verdict.lead
        told = self.ledgers.incidents.note(
            stood.tenant, stood.app, stood.root_run, lead.kind, lead.evidence, self._draft.at
        )
        if told is not None:
            self._draft.incidents.append(told)
        if stood.gate:
            self._decider.ask_again(replace(stood, ts=seen.event.ts), seen.own_effect)
        else:
            self._decider.renew(seen, verdict.subject)

    def _note(self, seen: Observation, scope: Scope, compiled: Compiled) -> None:
        """Count the event where it is counted: activity, spending after a stop, the ledger."""
        event = seen.event
        self.ledgers.gate.note_event(event, compiled.rule.name, self._draft.at, seen.own_effect)
        if scope.duplicate:
            return
        subject = run_subject(event.tenant, event.app, event.run)
        looping = bool(self.ledgers.ladder) and self.ledgers.ladder.level(subject) >= Level.warn
        self.parts.ledger.add(event, seen.cost_nusd, looping)
        self._find(self.ledgers.verifier.see(event, seen.cost_nusd))
        if event.op == "run_end" and event.run == event.root_run:
            self.ledgers.incidents.run_ended(event.tenant, event.app, event.root_run, self._draft.at)

    def _settle(self, now: float) -> None:
        """Do what only time brings: confirmations, leases that ended, held decisions, quiet incidents."""
        self._find(self.ledgers.verifier.tick(Tick(now, self._lag)))
        if abs(now - self._settled) < self._options.settle_s:
            return
        self._settled = now
        for ended in self.ledgers.standing.expire(now):
            self._decider.lapsed(ended)
        for held in self.ledgers.standing.held()[: self._options.settle_limit]:
            self._decider.ask_again(held)
        self.ledgers.tombstones.expire(now)
        self._draft.incidents.extend(self.ledgers.incidents.tick(now))

    def _tick(self, now: float) -> None:
        self._draft.at = now
        self.ledgers.gate.tick(Tick(now))
        self._settle(now)

    def _ours(self, event: Event) -> bool:
        """Tell whether an event is what our own decision did to the agent."""
        if event.status is None or event.status not in _OURS:
            return False
        if event.status == "held":
            return True
        subjects = covering(event.tenant, event.app, event.agent, event.run, event.root_run, event.task)
        return self.ledgers.standing.covering(subjects, self._draft.at) is not None

    def _find(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self._decider.found(finding)

    def _operate(self, control: Control) -> Answer:
        try:
            return self._operator.apply(control)
        except BadRequest as error:
            return error

    def _refold(self, decision: Decision) -> None:
        self._draft.seq = max(self._draft.seq, decision.seq)
        self.ledgers.fold(decision)
        self.ledgers.incidents.fold(decision)


def _placed(event: Event, scope: Scope) -> Event:
    """Give the event the app and the root under which its run is tracked: a child may have named only its parent."""
    if scope.run.root == event.root_run and scope.app.app == event.app:
        return event
    return replace(event, app=scope.app.app, root_run=scope.run.root)


def _concerned(event: Event) -> tuple[str, str, str, str]:
    return (
        run_subject(event.tenant, event.app, event.run),
        root_subject(event.tenant, event.app, event.root_run),
        agent_subject(event.tenant, event.app, event.agent),
        app_subject(event.tenant, event.app),
    )


def order(position: str) -> tuple[int, int]:
    """Give a stream position in the order in which entries were added."""
    first, _, second = position.partition("-")
    return int(first or 0), int(second or 0)

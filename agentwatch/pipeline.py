"""The whole path, from raw entries to one commit: a pure function of the state and the ordered inputs.

Read `Pipeline.step` first. No clock, no I/O and no randomness is inside: the same inputs give the same commit.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from agentwatch.act.commit import Draft
from agentwatch.act.verify import Finding
from agentwatch.deciding import Decider, Ledgers
from agentwatch.detect.state import Scope
from agentwatch.errors import BadRequest, Incompatible
from agentwatch.forgetting import Forgetting
from agentwatch.keys import partition_of
from agentwatch.observing import Observer, Parts
from agentwatch.operating import Operator
from agentwatch.quarantine import set_aside
from agentwatch.records import (
    CANARY_TENANT,
    Ack,
    Astray,
    Batch,
    Commit,
    Control,
    Decision,
    Entry,
    Level,
    Observation,
    Positions,
    Tick,
    Verdict,
)
from agentwatch.recovering import Clock, Recovery
from agentwatch.rulebook import Compiled, RuleBook
from agentwatch.spreading import Spread
from agentwatch.verdict import fold
from agentwatch.weighing import Weigher, concerned
from agentwatch.wished import Wished

__all__ = ["Answer", "Parts", "Pipeline", "PipelineOptions"]

Answer = Decision | BadRequest | None


_DECIDES = frozenset(("decide", "delete", "approve", "deny"))  # controls whose decisions the log holds


class PipelineOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """settle_s: how often, in seconds of the tick, held decisions are asked again; settle_limit: how many at once.

    event_ticks: the events' own times are the ticks (a replay of files).
    """

    settle_s: float = 1.0
    settle_limit: int = 256
    event_ticks: bool = False


class Pipeline:
    """One partition's path. `positions` says how far it has come.

    Of the last batch: answers, what its controls led to; stopped_s, how long the stops took that it proved; duplicates,
    how many of its events had been seen before; repeated, how many of its controls had been.
    """

    def __init__(
        self, partition: int, rulebook: RuleBook, parts: Parts, ledgers: Ledgers, options: PipelineOptions
    ) -> None:
        self.rulebook = rulebook
        self.parts = parts
        self.ledgers = ledgers
        self.positions = Positions()
        self.answers: list[tuple[str, Answer]] = []
        self.stopped_s: list[float] = []
        self._options = options
        self._draft = Draft(self.positions, Tick(0.0))
        self._observer = Observer(parts, ledgers.standing, event_ticks=options.event_ticks)
        self._decider = Decider(partition, rulebook, ledgers, self._draft)
        self._operator = Operator(self._decider, ledgers, parts.bank)
        self._weigher = Weigher(parts.ledger, ledgers)
        self._spread = Spread(self._decider, ledgers.tombstones, parts.bank)
        self.forgetting = Forgetting(self._decider, ledgers, lambda: parts.bank.population)
        steps = (self._observer, parts.bank, self._weigher, self._spread, self.forgetting, self._decider)
        self._recovery = Recovery(*steps, ledgers, options.settle_s)
        self._clock = Clock()
        self._lag = 0
        self.wished = Wished()
        self.opened = 0
        self.duplicates = 0
        self.repeated = 0

    def step(self, batch: Batch) -> Commit:
        """Take one batch and give everything that it changes, as one commit."""
        draft = self._begin(batch.tick)
        for position, control in batch.controls:
            draft.controls = position
            if self._astray("controls", control.subject, control):
                continue
            if not self.wished.first(control):
                self.repeated += 1
                continue
            self.answers.append((control.id, self._operate(control)))
        for position, ack in batch.acks:
            draft.acks = position
            if self._astray("acks", ack.subject, ack):
                continue
            self._find(self.ledgers.verifier.ack(ack))
        moment = self._moment if self._options.event_ticks else None
        for seen, scope in self._observer.observe(batch.entries, draft, moment):
            try:
                self._judge(seen, scope)
            except Exception as error:  # noqa: BLE001  # told by a dead letter; one event must not stop the worker
                draft.dead.append(set_aside(seen, error, draft.at))
        self._weigher.add_up(draft.at)
        self._settle(draft.at)
        self._clock.at = draft.at
        self.positions = draft.positions()
        draft.incidents = self.ledgers.silences.hushed(draft.incidents, draft.at)
        return draft.commit(self._weigher.end(draft.at))

    def recover(
        self, entries: Sequence[Entry], decisions: Sequence[Decision], controls: Sequence[Control] = ()
    ) -> None:
        """Bring the state up to what was committed after its checkpoint.

        Events are learnt again; decisions are taken from the log, in its order, and never computed anew.
        """
        draft = self._decider.draft = self._draft = Draft(self.positions, Tick(self._clock.at))
        for control in controls:
            if self._is_mine(control.subject) and self.wished.first(control) and control.kind not in _DECIDES:
                self._operate(control)
        self._recovery.learn(draft, self._clock, entries, decisions)
        self.parts.ledger.drain()
        self._clock.at = draft.at
        self.positions = draft.positions()

    def adopt(self, rulebook: RuleBook) -> None:
        """Judge by another rulebook from the next event on; the state is kept."""
        self.rulebook = rulebook
        self._decider.rulebook = rulebook

    def absorb(self, other: "Pipeline", mine: Callable[[str], bool], *, everyones: bool) -> None:
        """Take over from another pipeline all that concerns subjects that are `mine`; the other is used up by it.

        everyones: wishes about no app that the other read will not come here any more.
        Numbers go on behind the highest of both: events and decisions of a subject are never numbered backwards.
        """
        self.parts.bank.absorb(other.parts.bank, mine)
        own, found = self.ledgers, other.ledgers
        own.ladder.absorb(found.ladder, mine)
        own.gate.absorb(found.gate, mine)
        own.standing.absorb(found.standing, mine)
        own.tombstones.absorb(found.tombstones, mine)
        own.verifier.absorb(found.verifier, mine)
        own.incidents.absorb(found.incidents, mine)
        self.forgetting.absorb(other.forgetting, mine)
        own.ourselves.absorb(found.ourselves)
        own.silences.absorb(found.silences)
        self.wished.absorb(other.wished, mine, everyones=everyones)
        self._clock.at = max(self._clock.at, other._clock.at)
        self._clock.settled = max(self._clock.settled, other._clock.settled)
        index, seq = other.positions.index, other.positions.seq
        at = self.positions
        self.positions = msgspec.structs.replace(at, index=max(at.index, index), seq=max(at.seq, seq))

    def snapshot(self) -> bytes:
        """Encode what the pipeline itself must remember."""
        return msgspec.msgpack.encode(self._clock)

    def restore(self, data: bytes) -> None:
        """Take over an encoded state. Raises `Incompatible` for what cannot be read."""
        try:
            self._clock = msgspec.msgpack.decode(data, type=Clock)
        except msgspec.MsgspecError as error:
            raise Incompatible(f"the pipeline's clock cannot be read: {error}") from error

    def _astray(self, stream: Literal["controls", "acks"], subject: str, value: Control | Ack) -> bool:
        """Set an input aside that belongs into another partition; False where it belongs here."""
        home = self.parts.home
        if home is None or self._is_mine(subject):
            return False
        other = partition_of(subject, home.partitions)
        self._draft.astray.append(Astray(stream=stream, partition=other, data=msgspec.json.encode(value)))
        return True

    def _is_mine(self, subject: str) -> bool:
        return self.parts.home is None or self.parts.home.mine(subject)

    def _begin(self, tick: Tick) -> Draft:
        replayed = self._options.event_ticks
        draft = self._draft = Draft(self.positions, tick)
        if replayed:
            draft.at = self._clock.at
        self._decider.draft = draft
        self.answers = []
        self.stopped_s = []
        self.duplicates = self.repeated = 0
        self._lag = tick.lag
        if not replayed:
            self.ledgers.gate.tick(tick)
            self._weigher.begin(draft.at)
        return draft

    def _judge(self, seen: Observation, scope: Scope) -> None:
        """Detect, weigh and decide for one event."""
        bank = self.parts.bank
        if bank.population.gone:
            self.forgetting.note()
        compiled = self.rulebook.match(seen.event)
        if scope.opened:
            self.opened += 1
            self._weigher.add_up(self._draft.at)
            self._spread.catch(seen)
        signals = bank.observe(seen, scope, compiled.detect)
        if not signals and self._weigher.passes(seen, scope, compiled.rule.name, self._draft.at):
            return
        verdicts = fold(signals)
        self._find(self._weigher.note(seen, scope, compiled, self._draft.at))
        for verdict in verdicts:
            move = self.ledgers.ladder.climb(verdict, seen.now, compiled.rule.actions, compiled.ladder)
            if move is None:
                self._stand(verdict, seen, compiled)
                continue
            if move.previous is Level.observe and seen.event.tenant != CANARY_TENANT:
                self.parts.ledger.waste(seen.event, verdict.lead.evidence.cost_nusd)
            self._decider.moved(move, seen, compiled.rule)
        if scope.duplicate:
            self.duplicates += 1
            return
        for move in self._weigher.calm(seen, compiled, verdicts):
            self._decider.moved(move, seen, compiled.rule)
        if self.ledgers.standing.waiting:
            self._ask_again(seen, verdicts)
        self._spread.cover()

    def _stand(self, verdict: Verdict, seen: Observation, compiled: Compiled) -> None:
        """Ask again what the gate held back, and extend the lease of what stands, as the evidence goes on."""
        stood = self.ledgers.standing.get(verdict.subject)
        if stood is None:
            return
        if told := self._weigher.tell(verdict, seen, compiled, self._draft.at):
            self._draft.incidents.append(told)
        if stood.gate:
            self._decider.ask_again(replace(stood, ts=seen.event.ts), seen.own_effect)
        self._decider.renew(seen, verdict.subject)

    def _ask_again(self, seen: Observation, judged: Sequence[Verdict]) -> None:
        """Ask again what waits for the gate of those subjects that the event concerns: its time is fresh."""
        spoken_of = [verdict.subject for verdict in judged]
        for subject in concerned(seen.event):
            stood = self.ledgers.standing.get(subject)
            if stood is not None and stood.gate and subject not in spoken_of:
                self._decider.ask_again(replace(stood, ts=seen.event.ts), seen.own_effect)

    def _settle(self, now: float) -> None:
        """Do what only time brings: confirmations, leases that ended, held decisions, quiet incidents."""
        self._find(self.ledgers.verifier.tick(Tick(now, self._lag)))
        if abs(now - self._clock.settled) < self._options.settle_s:
            self._spread.cover()
            return
        self._clock.settled = now
        for lapsed in self.ledgers.standing.lapsed(now):
            self._decider.lapsed(lapsed)
        for ended in self.ledgers.standing.expire(now):
            self._decider.ended(ended)
        for held in self.ledgers.standing.held(self._options.settle_limit):
            self._decider.ask_again(held)
        self.forgetting.settle(now, self._options.settle_limit)
        self._spread.cover()
        self.ledgers.tombstones.expire(now)
        self._draft.incidents.extend(self.ledgers.incidents.tick(now))
        self._draft.incidents.extend(self.ledgers.silences.over(now))

    def _moment(self, ts: float, _position: str) -> None:
        """Follow an event's own time, where there is no other clock."""
        self._weigher.add_up(self._draft.at)
        self._draft.at = ts
        self.ledgers.gate.tick(Tick(ts))
        self._settle(ts)

    def _find(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            if finding.time_to_stop_s is not None:
                self.stopped_s.append(finding.time_to_stop_s)
            self._decider.found(finding)

    def _operate(self, control: Control) -> Answer:
        try:
            answer = self._operator.apply(control) if control.kind not in ("policy", "note") else None
        except BadRequest as error:
            return error
        self._draft.actions.append(control)
        return answer

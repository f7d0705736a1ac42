"""Brings a state up to what was committed after its checkpoint: events are learnt again, decisions read from the log.

Nothing is decided here: up to the committed position the log says what was, whatever policy stands today.
"""

from collections import deque
from collections.abc import Sequence

from msgspec import Struct

from agentwatch.act.commit import Draft
from agentwatch.deciding import Decider, Ledgers
from agentwatch.detect.bank import Bank
from agentwatch.detect.state import Scope
from agentwatch.forgetting import Forgetting
from agentwatch.ingest.account import order
from agentwatch.ingest.decode import entry_time
from agentwatch.observing import Observer
from agentwatch.policy.ladder import Move
from agentwatch.records import CANARY_TENANT, Change, Decision, Entry, Observation
from agentwatch.spreading import Spread
from agentwatch.verdict import fold
from agentwatch.weighing import Weigher

__all__ = ["Clock", "Recovery"]


class Clock(Struct):
    """What a checkpoint holds of the pipeline itself: the last time, and when it settled last."""

    at: float = 0.0
    settled: float = 0.0


class Recovery(Struct, frozen=True):
    """The parts of a path that learn, without those that decide. settle_s: how often it settled, as `Pipeline` does."""

    observer: Observer
    bank: Bank
    weigher: Weigher
    spread: Spread
    forgetting: Forgetting
    decider: Decider
    ledgers: Ledgers
    settle_s: float

    def learn(self, draft: Draft, clock: Clock, entries: Sequence[Entry], decisions: Sequence[Decision]) -> None:
        """Take in entries and decisions, both in their order; the draft and the clock come as far as they go."""
        waiting = deque(decisions)

        def recalled(_ts: float, position: str) -> None:
            self._recalled(draft, clock, position)

        for seen, scope in self.observer.observe(entries, draft, recalled):
            try:
                moves = {move.subject: move for move in self._learn(seen, scope, draft.at)}
            except Exception:  # noqa: BLE001  # it failed before, too: its dead letter was committed then
                moves = {}
            while waiting and order(waiting[0].position) <= order(seen.position):
                moves.pop(waiting[0].subject, None)
                self._refold(draft, waiting.popleft())
            for move in moves.values():
                self._put_back(move, seen)
        while waiting:
            self._refold(draft, waiting.popleft())

    def _learn(self, seen: Observation, scope: Scope, now: float) -> list[Move]:
        """Take an event in without deciding; gives how the ladder moved."""
        self.forgetting.note()
        compiled = self.decider.rulebook.match(seen.event)
        if scope.opened:
            self.ledgers.tombstones.match(seen.event)  # which remembers what was started below a killed run
        verdicts = fold(self.bank.observe(seen, scope, compiled.detect))
        self.weigher.note(seen, scope, compiled, now)  # what it finds was decided upon then
        moves: list[Move] = []
        for verdict in verdicts:
            move = self.ledgers.ladder.climb(verdict, seen.now, compiled.rule.actions, compiled.ladder)
            if move is not None:
                moves.append(move)
            else:
                self.weigher.tell(verdict, seen, compiled, now)
        return moves if scope.duplicate else moves + self.weigher.calm(seen, compiled, verdicts)

    def _put_back(self, move: Move, seen: Observation) -> None:
        """Undo a move that the log does not hold: another policy decided then."""
        event = seen.event
        was = Decision(
            id="", seq=0, at=seen.now, ts=event.ts, kind="", subject=move.subject, level=move.previous,
            change=Change.down, tenant=event.tenant, app=event.app, agent=event.agent, run=event.run,
            root_run=event.root_run,
        )  # fmt: skip
        self.ledgers.ladder.fold(was)

    def _recalled(self, draft: Draft, clock: Clock, position: str) -> None:
        """Follow the entries' own times: the ticks of then are not read again."""
        now = draft.at = max(draft.at, entry_time(position))
        self.ledgers.gate.recall(now)
        if now - clock.settled >= self.settle_s:
            clock.settled = now
            self.ledgers.tombstones.expire(now)
            told = now - self.settle_s  # what came to its end after that may not have been settled any more
            self.ledgers.incidents.tick(told)
            self.ledgers.silences.over(told)

    def _refold(self, draft: Draft, decision: Decision) -> None:
        draft.seq = max(draft.seq, decision.seq)
        self.ledgers.gate.recall(decision.at)
        self.ledgers.fold(decision)
        if decision.tenant != CANARY_TENANT:
            self.ledgers.incidents.fold(decision)
        self.spread.recall(decision)

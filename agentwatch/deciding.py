"""Turns what happened to a subject into decisions: asks the gate, writes the log, and keeps what stands."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from agentwatch.act.commit import Draft
from agentwatch.act.quoting import quoted
from agentwatch.act.standing import Standing
from agentwatch.act.tombstone import Tombstone, Tombstones
from agentwatch.act.verify import Finding, Verifier
from agentwatch.alert.incident import Incidents
from agentwatch.alert.ourselves import Ourselves
from agentwatch.policy.approval import APPROVAL, patience_s
from agentwatch.policy.gate import Gate
from agentwatch.policy.ladder import Ladder, Move
from agentwatch.policy.permits import PERMIT
from agentwatch.policy.rules import Rule
from agentwatch.records import CANARY_TENANT, Change, Decision, Evidence, Level, Observation, Origin
from agentwatch.rulebook import RuleBook
from agentwatch.silencing import Silences
from agentwatch.subject import Names, parse, run_subject

__all__ = ["Decider", "Ledgers", "harms_anew", "who"]

_RENEW_SHARE = 2 / 3  # a lease is extended once less than this share of it is left: slow loops come round seldom
# What only tells of a stop that was decided before says nothing of where its subject stands on the ladder.
_AFTERWARDS = frozenset((Change.verified, Change.failed, Change.escalated, Change.renewed, Change.lapsed))
_KEEPS_ITS_END = frozenset((Change.verified, Change.escalated, Change.failed, Change.lapsed))


class Ledgers(Struct, frozen=True):
    """Everything that takes in each decision, new or read back from the log.

    names: of the subjects that `ladder`, `standing` or `verifier` may have something to say about; all others are at
    rest.
    """

    names: Names
    ladder: Ladder
    gate: Gate
    standing: Standing
    tombstones: Tombstones
    verifier: Verifier
    incidents: Incidents
    ourselves: Ourselves
    silences: Silences

    def fold(self, decision: Decision) -> None:
        """Bring every part up to date with a decision."""
        if decision.change not in _AFTERWARDS:
            self.ladder.fold(decision)
        self.gate.note_decision(decision)
        self.standing.fold(decision)
        self.tombstones.fold(decision)
        self.verifier.fold(decision)


class Decider:
    """Writes decisions of one batch into its draft. Set `draft` before the first call of a batch.

    killed: kills that took effect and whose trees are still to be covered; whoever covers them empties it.
    """

    def __init__(self, partition: int, rulebook: RuleBook, parts: Ledgers, draft: Draft) -> None:
        self._partition = partition
        self.rulebook = rulebook
        self._parts = parts
        self.draft = draft
        self.killed: list[Decision] = []

    def moved(self, move: Move, seen: Observation, rule: Rule) -> None:
        """Decide what the ladder did to a subject."""
        verdict = move.verdict
        again = move.change is Change.up and move.level is move.previous
        change = Change.renewed if again else move.change  # the same level told again: its evidence doubled
        stood = self._parts.standing.effective(move.subject)
        # coming down from a command that stands is no new harm: nothing may hold the milder one back
        milder = move.change is Change.down and stood is not None and stood.level > move.level
        self._write(
            self._about(seen, rule, move.subject, change, move.level, move.previous),
            rule,
            ask=not milder,
            kind=verdict.lead.kind,
            confidence=verdict.confidence,
            reason=move.reason or verdict.lead.reason,
            speaks_for=verdict.speaks_for,
            speaks_against=verdict.speaks_against,
            evidence=quoted(verdict.lead.evidence, seen, samples=rule.samples),
        )

    def revived(self, stone: Tombstone, seen: Observation, rule: Rule) -> None:
        """Decide the kill of a run that a standing kill covers and that its command does not reach."""
        subject = run_subject(seen.event.tenant, seen.event.app, seen.event.run)
        if self._parts.standing.get(subject) is None:
            self._write(
                self._about(seen, rule, subject, Change.up, Level.kill, Level.observe),
                rule,
                origin=Origin.tombstone,
                kind=stone.decision.kind,
                confidence=1.0,
                reason=f"a run under the kill of {stone.subject}: {stone.decision.reason}",
                evidence=quoted(
                    Evidence(event_ids=(seen.event.id,), since=seen.event.ts, last=seen.event.ts),
                    seen,
                    samples=rule.samples,
                ),
                expires_at=stone.expires_at,
                incident=stone.decision.incident,
            )

    def found(self, finding: Finding) -> None:
        """Decide what became of an effective stop: verified, or escalated because the spending goes on."""
        stood = self._parts.standing.effective(finding.subject)
        if stood is None:
            return
        told = replace(stood, previous=stood.level, change=finding.change, origin=Origin.verify, reason=finding.reason)
        # what an operator did passed the gate for good; insisting on it is no new decision
        ask = finding.change is Change.escalated and not stood.author
        self._write(told, self.rulebook.get(stood.rule).rule, ask=ask)

    def ask_again(self, decision: Decision, own_effect: bool = False) -> None:
        """Ask the gate anew about a decision that it held back; nothing happens while the answer is the same."""
        rule = self.rulebook.get(decision.rule).rule
        answer = self._parts.gate.ask(decision, rule, self.draft.at, own_effect)
        if not answer.gate:
            self._write(replace(decision, change=Change.released), rule, ask=False, gate_reason=answer.reason)
        elif decision.gate == PERMIT != answer.gate:  # it was refused: what was a moment's wait is told now
            told = replace(decision, change=Change.released)
            self._write(told, rule, ask=False, gate=answer.gate, gate_reason=answer.reason)
        elif answer.gate == APPROVAL:
            if decision.gate != APPROVAL:  # what held it so far holds it no more: now somebody must be asked
                told = replace(decision, change=Change.released)
                self._write(told, rule, ask=False, gate=answer.gate, gate_reason=answer.reason)
            elif patience_s(decision, rule, self.draft.at) <= 0:
                self._unanswered(decision, rule)

    def approved(self, decision: Decision, author: str, comment: str) -> Decision:
        """Let a decision take effect that waited for approval; it is its approver's from now on, as if by hand."""
        rule = self.rulebook.get(decision.rule).rule
        told = replace(decision, change=Change.released, author=author, comment=comment)
        return self._write(told, rule, ask=False, gate_reason=f"approved by {author}: {comment}")

    def renew(self, seen: Observation, subject: str) -> None:
        """Extend the lease of a throttle or pause whose evidence still comes; an operator's ends when he said."""
        stood = self._parts.standing.effective(subject)
        now = self.draft.at
        if stood is None or stood.author or not Level.throttle <= stood.level < Level.kill:
            return
        rule = self.rulebook.get(stood.rule).rule
        if stood.expires_at - now < rule.ttl(stood.level) * _RENEW_SHARE:
            told = replace(stood, change=Change.renewed, previous=stood.level, ts=seen.event.ts)
            self._write(told, rule, ask=True)

    def lapsed(self, stood: Decision) -> None:
        """Write that the lease of a throttle or pause has ended without new evidence."""
        told = replace(stood, previous=stood.level, change=Change.lapsed, reason="the lease has ended")
        self._write(told, self.rulebook.get(stood.rule).rule, ask=False)

    def ended(self, stood: Decision, reason: str = "the lease has ended") -> None:
        """Write that what stood has ended: its subject starts anew, by nobody's hand."""
        told = replace(
            stood,
            level=Level.observe,
            previous=stood.level,
            change=Change.expired,
            origin=Origin.policy if stood.origin is Origin.operator else stood.origin,
            reason=reason,
            author="",
            comment="",
        )
        self._write(told, self.rulebook.get(stood.rule).rule, ask=False)

    def operated(self, decision: Decision, rule: Rule, ttl_s: float | None) -> Decision:
        """Decide what an operator asked for; the gate may still protect the agent."""
        expires_at = self.draft.at + ttl_s if ttl_s is not None else None
        return self._write(decision, rule, expires_at=expires_at)

    def _unanswered(self, decision: Decision, rule: Rule) -> None:
        """Drop what nobody approved in time: what stood before stands on, and only more evidence asks again."""
        stood = self._parts.standing.effective(decision.subject) or replace(decision, level=Level.warn)
        reason = f"nobody approved the {decision.level.name} within {rule.approve_timeout_s:g} s"
        told = replace(stood, previous=decision.level, change=Change.unanswered, reason=reason)
        self._write(told, rule, ask=False)

    def _about(
        self, seen: Observation, rule: Rule, subject: str, change: Change, level: Level, previous: Level
    ) -> Decision:
        event = seen.event
        return Decision(
            id="",
            seq=0,
            at=self.draft.at,
            tenant=event.tenant,
            app=event.app,
            agent=event.agent,
            run=event.run,
            root_run=event.root_run,
            task=event.task,
            team=event.team,
            subject=subject,
            kind="",
            level=level,
            previous=previous,
            change=change,
            index=seen.index,
            event_id=event.id,
            ts=event.ts,
            rule=rule.name,
        )

    def _write(
        self, decision: Decision, rule: Rule, *, ask: bool = True, expires_at: float | None = None, **fields: object
    ) -> Decision:
        seq = self.draft.next_seq()
        parts = self._parts
        at = self.draft.at
        decision = replace(decision, **{"gate": "", "gate_reason": "", **fields})
        decision = replace(
            decision,
            id=f"d{self._partition}-{seq}",
            seq=seq,
            at=at,
            rule_digest=rule.digest,
            mode=parts.gate.mode_of(rule),
            position=self.draft.events,
            limit=(decision.limit or rule.limit) if decision.level is Level.throttle else None,
            grace_ms=rule.grace_ms,
            users=rule.users,
            receivers=rule.receivers,
            expires_at=expires_at if expires_at is not None else _lease(decision, rule, at),
        )
        if decision.evidence.samples and not rule.samples:  # the rule changed since they were taken
            decision = replace(decision, evidence=replace(decision.evidence, samples=()))
        if ask:
            answer = parts.gate.ask(decision, rule, at)
            decision = replace(decision, gate=answer.gate, gate_reason=answer.reason)
        decision = replace(decision, incident=parts.incidents.name(decision))
        parts.fold(decision)
        self.draft.decide(decision)
        incident = parts.incidents.fold(decision) if decision.tenant != CANARY_TENANT else None
        if incident is not None:
            self.draft.incidents.append(incident)
        if harms_anew(decision):
            self.killed.append(decision)
        return decision


def harms_anew(decision: Decision) -> bool:
    """Tell whether a decision is a kill that takes effect now and did not before."""
    return decision.level is Level.kill and not decision.gate and decision.change in (Change.up, Change.released)


def _lease(decision: Decision, rule: Rule, at: float) -> float:
    """Tell until when a decision stands; a re-issued or confirmed stop keeps the end that it had."""
    if decision.change in _KEEPS_ITS_END and decision.expires_at:
        return decision.expires_at
    ttl = rule.ttl(decision.level)
    return at + ttl if ttl else 0.0


def who(subject: str, known: Sequence[str]) -> tuple[str, str, str, str, str, str]:
    """Split a subject into tenant, app, agent, run, root run and task, filled up from `known`: agent, run, root."""
    scope, tenant, app, ids = parse(subject)
    agent, run, root = known
    if scope == "agent":
        return tenant, app, ids[0], run, root, ""
    if scope == "run":
        return tenant, app, agent, ids[0], root or ids[0], ""
    if scope == "root":
        return tenant, app, agent, run or ids[0], ids[0], ""
    if scope == "task":
        return tenant, app, ids[0], run, root, ids[1]
    return tenant, app, agent, run, root, ""

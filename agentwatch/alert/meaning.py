"""What a decision means to on-call: which incident it belongs to, whether it is trouble, and what it changed."""

from hashlib import sha256
from typing import Literal

from agentwatch.records import Change, Decision, Evidence, Incident, Level, Origin

__all__ = [
    "APPROVAL",
    "OUTAGE",
    "PERMIT",
    "PROTECTED",
    "SILENT_GATES",
    "Cause",
    "cause_of",
    "change_of",
    "is_trouble",
    "name_of",
    "opened_by",
    "per_hour",
    "proof_of",
]

OUTAGE = "outage"
APPROVAL = "approval"
PROTECTED = "protected"  # by a rule of the policy's files, which no command lifts
PERMIT = "permit"  # held for the moment that it takes to reserve one
SILENT_GATES = frozenset(("allow", "own_effect"))  # somebody said that this is nothing to be told of
Cause = tuple[str, str, str, str]  # tenant, app, root run, kind
Proof = Literal["", "pending", "verified", "failed"]
_SHORTEST_S = 60.0  # a rate is never extrapolated from less


def cause_of(item: Decision | Incident) -> Cause:
    """Name what is one incident: a looping root run and a kind of evidence; an outage is its tenant's."""
    if isinstance(item, Decision) and (item.gate == OUTAGE or item.gate_reason.startswith(f"{OUTAGE}:")):
        return item.tenant, "", "", OUTAGE
    return item.tenant, item.app, item.root_run, item.kind


def name_of(cause: Cause, seq: int) -> str:
    """Name a new incident after the decision that opens it; the digest keeps names of other partitions apart."""
    return f"i-{seq}-{sha256(chr(0).join(cause).encode()).hexdigest()[:8]}"


def is_trouble(decision: Decision) -> bool:
    """Tell whether a decision without an incident begins one: something went up, and not by an operator's hand."""
    return (
        decision.level >= Level.warn
        and decision.origin is not Origin.operator
        and decision.change in (Change.up, Change.released, Change.failed)
        and decision.gate not in SILENT_GATES
        and decision.gate != PERMIT
    )


def opened_by(decision: Decision, cause: Cause) -> Incident:
    """Make the first state of the incident that a decision opens."""
    tenant, app, root_run, kind = cause
    return Incident(
        id=decision.incident or name_of(cause, decision.seq),
        seq=1,
        state="opened",
        change=change_of(decision),
        opened_at=decision.at,
        updated_at=decision.at,
        tenant=tenant,
        app=app,
        agent=decision.agent,
        team=decision.team,
        users=decision.users,
        run=decision.run,
        root_run=root_run,
        task=decision.task,
        subject=decision.subject,
        kind=kind,
        level=decision.level,
        gate=decision.gate,
        reason=decision.gate_reason if kind == OUTAGE else decision.reason,
        speaks_for=decision.speaks_for,
        speaks_against=decision.speaks_against,
        evidence=decision.evidence,
        cost_nusd=decision.evidence.cost_nusd,
        cost_per_hour_nusd=per_hour(decision.evidence),
        verified=proof_of(decision, ""),
        decisions=(decision.id,),
        rule=decision.rule,
        receivers=decision.receivers,
    )


def proof_of(decision: Decision, old: Proof) -> Proof:
    """Tell how far the proof is that what was decided worked."""
    if decision.change is Change.verified:
        return "verified"
    if decision.change is Change.failed:
        return "failed"
    if decision.level < Level.pause:
        return ""
    return old if decision.gate or old == "failed" else "pending"


def change_of(decision: Decision) -> str:
    """Say in a few words what a decision changed."""
    name = decision.level.name
    if cause_of(decision)[3] == OUTAGE:
        return "the provider is down"
    if decision.change is Change.failed:
        return f"{name} has no effect: {decision.reason}"
    if decision.origin is Origin.operator:
        return f"{'resume' if decision.level is Level.observe else name} by {decision.author or 'an operator'}"
    if decision.change is Change.unanswered:
        return f"nobody approved the {decision.previous.name} in time: {name} again"
    if decision.gate == APPROVAL:
        return f"asks to {name}: {decision.gate_reason}"
    if decision.gate:
        return f"would {name}: held by {decision.gate}"
    if decision.origin is Origin.tombstone:
        return f"started anew as run {decision.run}: {name}"
    words = {
        Change.escalated: f"{name} issued anew",
        Change.released: f"{name}, no longer held back",
        Change.down: f"down to {name}",
    }
    return words.get(decision.change, name)


def per_hour(evidence: Evidence) -> int:
    """Give nano-dollars an hour since the onset."""
    return int(evidence.cost_nusd * 3600 / max(evidence.last - evidence.since, _SHORTEST_S))

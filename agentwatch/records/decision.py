"""What was decided and why, the command that it travels as, and the answers to it."""

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from agentwatch.records.judged import Evidence, Level

__all__ = ["Ack", "AckState", "Change", "Command", "Decision", "Origin"]


class Change(StrEnum):
    """Why a decision was written."""

    up = "up"
    down = "down"
    released = "released"  # the same level, held back before, now let through
    renewed = "renewed"  # the lease of a standing decision was extended
    verified = "verified"  # the spending stopped
    escalated = "escalated"  # still spending after the grace, or no answer
    expired = "expired"  # the lease of a kill has ended, or what was warned is tracked no longer; it starts anew
    failed = "failed"  # issued anew often enough, and still spending: somebody must be woken
    lapsed = "lapsed"  # the lease of a throttle or pause has ended; new evidence renews it
    unanswered = "unanswered"  # nobody approved it in time: what stood before stands on


class Origin(StrEnum):
    """Who decided: a rule of the policy, a tombstone that caught a run, the look at whether it worked, or a person."""

    policy = "policy"
    tombstone = "tombstone"
    verify = "verify"
    operator = "operator"


class Decision(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the decision log: what was decided about a subject, by whom, why, and what held it back.

    seq grows by one for each decision of a partition and is the command's epoch. `level` is what was reached before
    the gate; `gate` is empty when nothing held it back, else the name of what did (`mode`, `allow`, `protected`,
    `staleness`, `own_effect`, `breaker`, `outage`, `approval`, `permit`), with `gate_reason` in words.
    """

    id: str
    seq: int
    at: float
    tenant: str
    app: str
    agent: str
    run: str
    root_run: str
    task: str = ""
    team: str = ""
    subject: str
    kind: str
    level: Level
    previous: Level = Level.observe
    change: Change
    origin: Origin = Origin.policy
    confidence: float = 0.0
    reason: str = ""
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()
    evidence: Evidence = Evidence()
    rule: str = ""
    rule_digest: str = ""
    mode: str = "enforce"
    gate: str = ""
    gate_reason: str = ""
    index: int = -1
    position: str = ""
    event_id: str = ""
    ts: float = 0.0
    expires_at: float = 0.0
    limit: float | None = None
    grace_ms: int = 0
    incident: str = ""
    author: str = ""
    comment: str = ""
    users: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()


class Command(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A decision as it travels to agents, and the JSON that a control key holds."""

    v: int = 1
    id: str
    cmd: Literal["throttle", "pause", "kill", "resume"]
    scope: Literal["tenant", "app", "agent", "root", "run", "task"]
    subject: str
    epoch: int
    reason: str = ""
    incident: str = ""
    issued_by: str = "agentwatch"
    issued_at: float
    expires_at: float
    grace_ms: int = 5000
    limit: float | None = None
    sig: str = ""


AckState = Literal["received", "accepted", "refused", "effective"]


class Ack(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a guard or another enforcer answers to a command."""

    command: str
    subject: str
    epoch: int
    state: AckState
    at: float
    guard: str = ""
    agent: str = ""
    run: str = ""
    root_run: str = ""
    app: str = ""
    tenant: str = ""
    reason: str = ""

"""What on-call is told of."""

from typing import Literal

from msgspec import Struct

from agentwatch.records.judged import Evidence, Level

__all__ = ["Incident"]


class Incident(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What on-call sees: one for each looping root run and cause, however many signals and decisions."""

    id: str
    seq: int
    state: Literal["opened", "updated", "resolved"]
    change: str = ""
    opened_at: float
    updated_at: float
    resolved_at: float = 0.0
    tenant: str
    app: str
    agent: str
    team: str = ""
    users: tuple[str, ...] = ()
    run: str
    root_run: str
    task: str = ""
    subject: str
    kind: str
    level: Level
    gate: str = ""
    reason: str = ""
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()
    evidence: Evidence = Evidence()
    cost_nusd: int = 0
    cost_per_hour_nusd: int = 0
    verified: Literal["", "pending", "verified", "failed"] = ""
    decisions: tuple[str, ...] = ()
    rule: str = ""
    receivers: tuple[str, ...] = ()  # the only receivers that hear of it; none named: all
    silenced: str = ""  # by whom and why nobody is told of this state

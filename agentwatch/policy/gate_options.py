"""What the gate can be told, what it answers, and what a checkpoint holds of it."""

from typing import Annotated

from msgspec import Meta, Struct, field

from agentwatch.policy.activity import ActivityOptions, ActivityState
from agentwatch.policy.allow import AllowState
from agentwatch.policy.breaker import BreakerOptions, BreakerState
from agentwatch.policy.outage import OutageOptions, OutageState
from agentwatch.policy.permits import PermitState
from agentwatch.policy.rules import Mode
from agentwatch.policy.staleness import StalenessOptions, StalenessState

__all__ = ["GateAnswer", "GateOptions", "GateState"]


class GateOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """mode: the whole daemon's. max_allow: entries of the allow list. max_silences: silences at once."""

    mode: Mode = "enforce"
    activity: ActivityOptions = ActivityOptions()
    breaker: BreakerOptions = BreakerOptions()
    outage: OutageOptions = OutageOptions()
    staleness: StalenessOptions = StalenessOptions()
    max_allow: Annotated[int, Meta(ge=0, le=100_000)] = 1000
    max_silences: Annotated[int, Meta(ge=0, le=100_000)] = 1000


class GateAnswer(Struct, frozen=True):
    """gate: the name of what holds the decision back; empty lets it pass. reason: in words, or a note on a pass."""

    gate: str = ""
    reason: str = ""


class GateState(Struct, kw_only=True):
    """What a checkpoint holds."""

    now: float
    mode: str
    rule_modes: dict[str, str]
    activity: ActivityState
    allow: AllowState
    breaker: BreakerState
    outage: OutageState
    staleness: StalenessState
    safe: str = ""
    permits: PermitState = field(default_factory=PermitState)

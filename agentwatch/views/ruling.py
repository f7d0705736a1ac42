"""The policy in force: rules, the mode, and what waits for an operator's word."""

from msgspec import Struct, field

from agentwatch.records import Decision, Level

__all__ = ["ApprovalView", "ModeView", "RuleView", "RulesView"]


class ApprovalView(Struct, frozen=True, kw_only=True):
    """A decision that waits for an operator's word: `until` then, and what comes without one (`drop` or `go`)."""

    decision: Decision
    until: float
    otherwise: str


class RuleView(Struct, frozen=True, kw_only=True):
    """One rule: whom it governs, what it may do to them, and what it did.

    changes: thresholds that it sets. events: that it governed since the policy was read. runs_active: that had an event
    lately. standing: how many of its decisions stand, by level.
    """

    name: str
    description: str
    digest: str
    mode: str
    protected: bool
    match: dict[str, tuple[str, ...]]
    actions: tuple[Level, ...]
    changes: tuple[str, ...] = ()
    events: int = 0
    runs_active: int = 0
    standing: dict[str, int] = field(default_factory=dict)


class RulesView(Struct, frozen=True, kw_only=True):
    """The rules in the order in which they are asked: the first that fits an event governs it."""

    digest: str
    mode: str
    rules: tuple[RuleView, ...]


class ModeView(Struct, frozen=True, kw_only=True):
    """The global mode, and the modes of the rules that have their own."""

    mode: str
    rules: dict[str, str]

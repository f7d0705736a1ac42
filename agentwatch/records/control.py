"""What operators ask, and what is kept of who did what."""

from typing import Literal

from msgspec import Struct

from agentwatch.records.judged import Level

__all__ = ["AllowEntry", "AuditLine", "Control", "ControlKind"]

ControlKind = Literal[
    "decide",
    "delete",
    "mode",
    "allow_add",
    "allow_remove",
    "silence_add",
    "silence_remove",
    "breaker_reset",
    "policy",
    "note",
    "approve",
    "deny",
    "self",
]


class AllowEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Subjects that must not be touched, or told of, until `expires_at`: a subject or a glob over subjects."""

    pattern: str
    author: str
    comment: str = ""
    created_at: float
    expires_at: float


class Control(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An operator's wish, as one ordered input of the partition.

    decide: put `subject` at `level` (observe = resume). delete: revoke decision `target`. mode: set the global mode, or
    that of rule `target`, to `value`. allow_*: the allow list. silence_*: the silences. breaker_reset: close the
    breaker again.
    self: what the daemon found about itself: `value` is safe, safe_over, canary_lives or canary_killed.
    policy, note: nothing is done but to write it into the audit log.
    approve, deny: let pass, or drop, what waits for approval: decision `target`, or what stands for `subject`.
    whole_tenant: `subject` is meant to be a whole tenant, all of whose agents are throttled, paused or killed.
    """

    id: str
    kind: ControlKind
    at: float
    author: str = ""
    reason: str = ""
    subject: str = ""
    level: Level | None = None
    ttl_s: float | None = None
    limit: float | None = None
    whole_tenant: bool = False
    target: str = ""
    value: str = ""
    entry: AllowEntry | None = None


class AuditLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who did what, when and why, for the audit log.

    action: a control's kind, `command_kill` and the like for a decision that took effect, or what was noted. ref: id of
    the control or decision. target, value: what was set, to what. until: when it ends, in unix seconds.
    """

    at: float
    action: str
    who: str
    ref: str = ""
    subject: str = ""
    level: str = ""
    target: str = ""
    value: str = ""
    reason: str = ""
    until: float = 0.0

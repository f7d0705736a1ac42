"""What of a batch belongs in the audit log: what operators did, and the decisions that became effective."""

from collections.abc import Iterable

from agentwatch.act.command import command_of, takes_back
from agentwatch.records import AuditLine, Control, Decision

__all__ = ["audit_lines"]


def audit_lines(actions: Iterable[Control], decisions: Iterable[Decision]) -> tuple[AuditLine, ...]:
    """Write a batch's lines: first the actions that were carried out, in order, then the decisions that took effect."""
    return (*map(_of_action, actions), *(_of_decision(d) for d in decisions if _effective(d)))


def _effective(decision: Decision) -> bool:
    return command_of(decision) is not None or (not decision.gate and takes_back(decision))


def _of_action(control: Control) -> AuditLine:
    entry = control.entry
    return AuditLine(
        at=control.at,
        action=control.kind if control.kind != "note" else control.target,
        who=control.author or "agentwatch",
        ref=control.id,
        subject=control.subject or (entry.pattern if entry is not None else ""),
        level=control.level.name if control.level is not None else "",
        target=control.target if control.kind != "note" else "",
        value=control.value,
        reason=control.reason,
        until=entry.expires_at if entry is not None else 0.0,
    )


def _of_decision(decision: Decision) -> AuditLine:
    command = command_of(decision)
    return AuditLine(
        at=decision.at,
        action=f"command_{command.cmd if command is not None else 'resume'}",
        who=decision.author or f"agentwatch ({decision.origin.value})",
        ref=decision.id,
        subject=decision.subject,
        level=decision.level.name,
        target=decision.rule,
        value=decision.change.value,
        reason=decision.reason,
        until=decision.expires_at,
    )

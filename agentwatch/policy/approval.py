"""Whether a decision waits for a human's word, and for how long yet."""

from agentwatch.policy.rules import Rule
from agentwatch.records import Decision, Origin

__all__ = ["APPROVAL", "patience_s", "wanted"]

APPROVAL = "approval"


def patience_s(decision: Decision, rule: Rule, now: float) -> float:
    """Tell for how many seconds more a decision waits for approval; not more than 0 when its time is over."""
    asked_at = decision.at if decision.gate == APPROVAL else now
    return asked_at + rule.approve_timeout_s - now


def wanted(decision: Decision, rule: Rule, now: float) -> str:
    """Say that a human must approve; empty where none must, or where the time is over and it then goes on.

    What follows from an approved decision (its tree, restarts of its task, commands issued anew) needs no further one.
    """
    if decision.level not in rule.approve or decision.origin is not Origin.policy or decision.author:
        return ""
    if rule.approve_else == "go" and patience_s(decision, rule, now) <= 0:
        return ""
    then = "is dropped" if rule.approve_else == "drop" else "goes on"
    return f"waits for approval; {then} after {rule.approve_timeout_s:g} s without an answer"

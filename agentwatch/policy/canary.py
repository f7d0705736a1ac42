"""The synthetic agent that must be killed: its tenant, and the rule that governs it whatever the policy says."""

from agentwatch.policy.rules import Rule, Ttl
from agentwatch.records import CANARY_TENANT, Level

__all__ = ["CANARY_RULE", "CANARY_TENANT"]

# A call that is repeated six times kills it, and its kill stands for a minute: it is gone before the next one is sent.
CANARY_RULE = Rule(
    name=CANARY_TENANT,
    description="The synthetic agent that proves that kills work.",
    actions=(Level.warn, Level.kill),
    detectors={"repeat": {"warn": 3.0, "kill": 6.0}, "stakes": {"enabled": False}},
    ttl_s=Ttl(warn=60.0, kill=60.0),
)

"""The policy, made ready to be asked: each rule with the detector and ladder options that it leads to."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from agentwatch.detect.bank import build
from agentwatch.detect.options import DetectOptions, merge
from agentwatch.detect.state import Scope
from agentwatch.errors import BadConfig
from agentwatch.policy.canary import CANARY_RULE, CANARY_TENANT
from agentwatch.policy.ladder import LadderOptions
from agentwatch.policy.rules import Policy, Rule
from agentwatch.ports import Detector
from agentwatch.records import Event

__all__ = ["Compiled", "RuleBook"]


class Compiled(Struct, frozen=True):
    """A rule with everything that follows from it."""

    rule: Rule
    detect: DetectOptions
    detectors: tuple[Detector[Scope], ...]
    ladder: LadderOptions


class _Governed:
    """A rule, and how many events it has governed since the book was made."""

    __slots__ = ("compiled", "events")

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.events = 0


class RuleBook:
    """Which compiled rule governs an event. Building it checks every rule's own thresholds and names a wrong one."""

    def __init__(self, policy: Policy, detect: DetectOptions, ladder: LadderOptions) -> None:
        self.policy = policy
        self._rules = {rule.name: _Governed(_compile(rule, detect, ladder)) for rule in policy.rules}
        self._default = self._rules[policy.default.name]
        self._only = self._default if len(policy.rules) == 1 else None
        self._canary = _compile(CANARY_RULE, DetectOptions(), LadderOptions())

    def match(self, event: Event) -> Compiled:
        """Give the rule that governs this event."""
        if event.tenant == CANARY_TENANT:
            return self._canary
        governed = self._only or self._first(event)
        governed.events += 1
        return governed.compiled

    def get(self, name: str) -> Compiled:
        """Give a rule by name; the default rule where a reload took it away."""
        if name == CANARY_TENANT:
            return self._canary
        return self._rules.get(name, self._default).compiled

    def matched(self, name: str) -> int:
        """Tell how many events a rule of the policy has governed since the book was made."""
        return self._rules[name].events

    def _first(self, event: Event) -> _Governed:
        rule = self.policy.match(event.tenant, event.app, event.team, event.agent, event.tool, event.model)
        return self._rules[rule.name]


def _compile(rule: Rule, detect: DetectOptions, ladder: LadderOptions) -> Compiled:
    try:
        options = merge(detect, rule.detectors)
        own = _overlay(ladder, rule.ladder)
    except BadConfig as error:
        raise BadConfig(error.reason, f"rule {rule.name}: {error.field}") from error
    return Compiled(rule, options, build(options), own)


def _overlay(base: LadderOptions, table: Mapping[str, Any]) -> LadderOptions:
    whole = msgspec.to_builtins(base)
    for name in table:
        if name not in whole:
            raise BadConfig(f"no such option; known: {', '.join(sorted(whole))}", f"ladder.{name}")
    try:
        return msgspec.convert({**whole, **table}, LadderOptions)
    except msgspec.ValidationError as error:
        raise BadConfig(str(error), "ladder") from error

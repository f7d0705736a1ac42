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


class RuleBook:
    """Which compiled rule governs an event. Building it checks every rule's own thresholds and names a wrong one.

    matched: how many events each rule has governed since the book was made, by its name.
    """

    def __init__(self, policy: Policy, detect: DetectOptions, ladder: LadderOptions) -> None:
        self.policy = policy
        self.matched = {rule.name: 0 for rule in policy.rules}
        self._compiled = {rule.name: _compile(rule, detect, ladder) for rule in policy.rules}
        self._canary = _compile(CANARY_RULE, DetectOptions(), LadderOptions())

    def match(self, event: Event) -> Compiled:
        """Give the rule that governs this event."""
        if event.tenant == CANARY_TENANT:
            return self._canary
        rule = self.policy.match(event.tenant, event.app, event.team, event.agent, event.tool, event.model)
        self.matched[rule.name] += 1
        return self._compiled[rule.name]

    def get(self, name: str) -> Compiled:
        """Give a rule by name; the default rule where a reload took it away."""
        if name == CANARY_TENANT:
            return self._canary
        return self._compiled.get(name) or self._compiled[self.policy.default.name]


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

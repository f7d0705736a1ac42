"""The policy as data: which rule governs an agent, and what that rule allows to be done to it."""

import re
from collections.abc import Sequence
from fnmatch import translate
from hashlib import sha256
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from agentwatch.records import Level

__all__ = ["DEFAULT_RULE", "Match", "Mode", "Policy", "Rule", "Ttl", "digest"]

Mode = Literal["enforce", "observe"]
DEFAULT_RULE = "default"
_CACHED = 8192
_KEYS = ("tenant", "app", "team", "agent", "tool", "model")


class Match(Struct, frozen=True, kw_only=True):
    """Globs that an event must fit, case-sensitive: one of each key's list, for every key. No globs fit everything."""

    tenant: tuple[str, ...] = ()
    app: tuple[str, ...] = ()
    team: tuple[str, ...] = ()
    agent: tuple[str, ...] = ()
    tool: tuple[str, ...] = ()
    model: tuple[str, ...] = ()


class Ttl(Struct, frozen=True, kw_only=True):
    """How long a decision of each level stands when nothing renews it, in seconds."""

    warn: float = 3600.0
    throttle: float = 600.0
    pause: float = 3600.0
    kill: float = 86400.0


class Rule(Struct, frozen=True, kw_only=True):
    """One rule, with the defaults already under it.

    actions: the levels that may be reached, ascending. detectors, ladder: raw tables of overrides, checked by whoever
    owns those options. limit: calls a minute when throttled. grace_ms: time between a command and the first call that
    counts as disobedience. samples: whether evidence may carry pieces of text. protected: never throttled, paused or
    killed. approve: levels that take effect only once an operator approves; what nobody answered for approve_timeout_s
    seconds is dropped, or goes on (approve_else). receivers: the only alert receivers that hear of it (none: all).
    users: who is named in the alert.
    """

    name: str
    description: str = ""
    match: Match = Match()
    mode: Mode = "enforce"
    actions: tuple[Level, ...] = (Level.warn, Level.throttle, Level.pause, Level.kill)
    detectors: dict[str, dict[str, Any]] = field(default_factory=dict)
    ladder: dict[str, Any] = field(default_factory=dict)
    ttl_s: Ttl = Ttl()
    limit: float = 30.0
    grace_ms: int = 5000
    samples: bool = False
    protected: bool = False
    approve: tuple[Level, ...] = ()
    approve_timeout_s: float = 900.0
    approve_else: Literal["drop", "go"] = "drop"
    receivers: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    digest: str = ""

    def cap(self, level: Level) -> Level:
        """Lower a level to the hardest one that this rule allows; `observe` where it allows none so low."""
        return max((allowed for allowed in self.actions if allowed <= level), default=Level.observe)

    def ttl(self, level: Level) -> float:
        """Tell how many seconds a decision of this level stands; 0 for `observe`, which stands for nothing."""
        return 0.0 if level is Level.observe else float(getattr(self.ttl_s, level.name))


class Policy:
    """Every rule in order, the first that fits an event governs it, and the default rule fits what is left.

    Answers are remembered for the last few thousand distinct events, so asking costs one look-up.
    """

    def __init__(self, rules: Sequence[Rule], default: Rule) -> None:
        self.default = default
        self.rules: tuple[Rule, ...] = (*rules, default)
        self.digest = digest([msgspec.to_builtins(rule) for rule in self.rules])
        self._tests = [(rule, _tests(rule.match)) for rule in rules]
        self._seen: dict[tuple[str, ...], Rule] = {}

    def rule(self, name: str) -> Rule | None:
        """Find a rule by its name."""
        return next((rule for rule in self.rules if rule.name == name), None)

    def match(self, tenant: str, app: str, team: str, agent: str, tool: str, model: str) -> Rule:
        """Give the rule that governs this event."""
        if not self._tests:
            return self.default
        key = (tenant, app, team, agent, tool, model)
        found = self._seen.get(key)
        if found is None:
            found = self._first(key)
            if len(self._seen) >= _CACHED:
                self._seen.clear()
            self._seen[key] = found
        return found

    def _first(self, key: tuple[str, ...]) -> Rule:
        for rule, tests in self._tests:
            if all(pattern.match(key[place]) for place, pattern in tests):
                return rule
        return self.default


def digest(content: object) -> str:
    """Name canonical content by 16 hexadecimal digits: equal content has an equal digest, however it was written."""
    return sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()[:16]


def _tests(match: Match) -> list[tuple[int, re.Pattern[str]]]:
    # fnmatch's translation is atomic at every `*`, so the worst case stays polynomial in the length of a name
    lists = ((place, getattr(match, name)) for place, name in enumerate(_KEYS))
    return [(place, re.compile("|".join(map(translate, globs)))) for place, globs in lists if globs]

"""Reads policy files: strict TOML, in order of the files' names, later defaults over earlier ones."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from agentwatch.errors import BadConfig
from agentwatch.policy.canary import CANARY_TENANT
from agentwatch.policy.rules import DEFAULT_RULE, Match, Mode, Policy, Rule, Ttl, digest
from agentwatch.records import Level

__all__ = ["load_policy", "where_wrong"]

Glob = Annotated[str, Meta(min_length=1, max_length=256)]
Globs = Annotated[list[Glob], Meta(min_length=1, max_length=256)]
RuleName = Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Seconds = Annotated[float, Meta(ge=1, le=366 * 86400)]
Names = Annotated[list[Annotated[str, Meta(min_length=1, max_length=256)]], Meta(max_length=64)]
Action = Literal["warn", "throttle", "pause", "kill"]
_AT = re.compile(r" - at `\$\.?([^`]*)`$")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")


class _Match(Struct, forbid_unknown_fields=True):
    tenant: Glob | Globs = field(default_factory=list)
    app: Glob | Globs = field(default_factory=list)
    team: Glob | Globs = field(default_factory=list)
    agent: Glob | Globs = field(default_factory=list)
    tool: Glob | Globs = field(default_factory=list)
    model: Glob | Globs = field(default_factory=list)


class _Ttl(Struct, forbid_unknown_fields=True, omit_defaults=True):
    warn: Seconds | None = None
    throttle: Seconds | None = None
    pause: Seconds | None = None
    kill: Seconds | None = None


class _Notify(Struct, forbid_unknown_fields=True, omit_defaults=True):
    receivers: Names | None = None
    users: Names | None = None


class _Settings(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    mode: Mode | None = None
    actions: list[Action] | None = None
    detectors: dict[str, dict[str, Any]] = field(default_factory=dict)
    ladder: dict[str, Any] = field(default_factory=dict)
    ttl_s: _Ttl = field(default_factory=_Ttl)
    limit: Annotated[float, Meta(gt=0, le=100_000)] | None = None
    grace_ms: Annotated[int, Meta(ge=0, le=3_600_000)] | None = None
    samples: bool | None = None
    protected: bool | None = None
    approve: list[Action] | None = None
    approve_timeout_s: Seconds | None = None
    approve_else: Literal["drop", "go"] | None = None
    notify: _Notify = field(default_factory=_Notify)


class _RuleTable(_Settings, kw_only=True, forbid_unknown_fields=True):
    name: RuleName
    description: Annotated[str, Meta(max_length=1024)] = ""
    match: _Match = field(default_factory=_Match)


class _File(Struct, forbid_unknown_fields=True):
    version: Annotated[int, Meta(ge=1, le=1)] = 1
    defaults: _Settings = field(default_factory=_Settings)
    rules: list[_RuleTable] = field(default_factory=list)


def load_policy(files: Mapping[str, bytes]) -> Policy:
    """Make one policy of the files' contents, by name.

    Files are taken in order of their names: `[defaults]` of a later file replace those of an earlier one key by key,
    `[[rules]]` stay in order, and the first rule that fits an event governs it. Raises `BadConfig` that names the file
    and the key in dotted form.
    """
    tables = [(name, _read(name, files[name])) for name in sorted(files)]
    under: dict[str, Any] = {}
    for _, table in tables:
        under = _over(under, msgspec.to_builtins(table.defaults))
    seen: dict[str, str] = {DEFAULT_RULE: "the policy itself", CANARY_TENANT: "the canary"}
    rules: list[Rule] = []
    for name, table in tables:
        for place, rule in enumerate(table.rules):
            if rule.name in seen:
                raise BadConfig(f"{rule.name!r} is taken by {seen[rule.name]}", f"{name}: rules[{place}].name")
            seen[rule.name] = name
            rules.append(_rule(under, rule))
    return Policy(rules, _rule(under, _RuleTable(name=DEFAULT_RULE, description="What no other rule governs.")))


def _read(name: str, content: bytes) -> _File:
    try:
        return msgspec.toml.decode(content, type=_File)
    except msgspec.ValidationError as error:
        raise BadConfig(*where_wrong(name, str(error))) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadConfig(f"not TOML: {error}", name) from error


def where_wrong(name: str, message: str) -> tuple[str, str]:
    """Split a validation message into its reason and `file: dotted.key`; an empty name leaves the key alone."""
    at = _AT.search(message)
    path = at.group(1) if at else ""
    reason = _AT.sub("", message)
    unknown = _UNKNOWN.search(reason)
    if unknown:
        path = f"{path}.{unknown.group(1)}" if path else unknown.group(1)
        reason = "there is no such key"
    return reason, f"{name}: {path}" if name and path else path or name


def _over(under: dict[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """Lay a table over another, key by key, tables within tables too."""
    result = dict(under)
    for key, value in table.items():
        old = result.get(key)
        result[key] = _over(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def _rule(under: dict[str, Any], table: _RuleTable) -> Rule:
    settings = _over(under, msgspec.to_builtins(table))
    for key in ("name", "description", "match"):
        settings.pop(key, None)
    notify = settings.pop("notify", {})
    actions = {Level[name] for name in settings.pop("actions", ("warn", "throttle", "pause", "kill"))}
    approve = {Level[name] for name in settings.pop("approve", ())}
    ttl = msgspec.convert(settings.pop("ttl_s", {}), Ttl)
    rule = Rule(
        name=table.name,
        description=table.description,
        match=_match(table.match),
        actions=tuple(sorted(actions)),
        approve=tuple(sorted(approve)),
        ttl_s=ttl,
        receivers=tuple(notify.get("receivers", ())),
        users=tuple(notify.get("users", ())),
        **settings,
    )
    return msgspec.structs.replace(rule, digest=digest(msgspec.to_builtins(rule)))


def _match(table: _Match) -> Match:
    globs = {name: getattr(table, name) for name in table.__struct_fields__}
    return Match(**{name: (value,) if isinstance(value, str) else tuple(value) for name, value in globs.items()})

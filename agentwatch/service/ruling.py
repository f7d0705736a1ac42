"""The rules in force as they are shown: in the order in which they are asked, with what each matched and did."""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from agentwatch.policy.rules import Rule
from agentwatch.records import Decision
from agentwatch.rulebook import RuleBook
from agentwatch.views import RuleView

__all__ = ["rule_views"]


def rule_views(
    book: RuleBook,
    modes: Mapping[str, str] | None = None,
    active: Mapping[str, int] | None = None,
    standing: Iterable[Decision] = (),
) -> tuple[RuleView, ...]:
    """Show every rule of a book; `modes` are those that operators set, `active` counts active runs by rule."""
    levels: dict[str, Counter[str]] = {}
    for decision in standing:
        levels.setdefault(decision.rule, Counter())[decision.level.name] += 1
    return tuple(
        RuleView(
            name=rule.name,
            description=rule.description,
            digest=rule.digest,
            mode=(modes or {}).get(rule.name, rule.mode),
            protected=rule.protected,
            match={key: globs for key, globs in msgspec.structs.asdict(rule.match).items() if globs},
            actions=rule.actions,
            changes=_changes(rule),
            events=book.matched[rule.name],
            runs_active=(active or {}).get(rule.name, 0),
            standing=dict(levels.get(rule.name, {})),
        )
        for rule in book.policy.rules
    )


def _changes(rule: Rule) -> tuple[str, ...]:
    """List the thresholds that the rule, or the defaults under it, set in place of the options' own."""
    found = [f"{kind}.{name} = {value}" for kind, table in rule.detectors.items() for name, value in table.items()]
    return tuple(found + [f"ladder.{name} = {value}" for name, value in rule.ladder.items()])

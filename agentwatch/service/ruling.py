"""The rules in force as they are shown: in the order in which they are asked, with what each matched and did."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from agentwatch.pipeline import Pipeline
from agentwatch.policy.rules import Rule
from agentwatch.records import Decision
from agentwatch.rulebook import RuleBook
from agentwatch.views import RulesView, RuleView

__all__ = ["in_force", "rule_views", "together"]


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
            events=book.matched(rule.name),
            runs_active=(active or {}).get(rule.name, 0),
            standing=dict(levels.get(rule.name, {})),
        )
        for rule in book.policy.rules
    )


def in_force(pipeline: Pipeline, now: float) -> RulesView:
    """Show the rules that a pipeline goes by; `now` in seconds of its source."""
    ledgers, book = pipeline.ledgers, pipeline.rulebook
    active = {rule.name: ledgers.gate.active_under(rule.name) for rule in book.policy.rules}
    views = rule_views(book, ledgers.gate.rule_modes(), active, ledgers.standing.in_force(now))
    return RulesView(digest=book.policy.digest, mode=ledgers.gate.mode, rules=views)


def together(parts: Sequence[RulesView]) -> RulesView:
    """Add up what the same rules did in several partitions."""
    rows = zip(*(part.rules for part in parts), strict=True)
    return replace(parts[0], rules=tuple(_sum(same) for same in rows)) if len(parts) > 1 else parts[0]


def _sum(same: Sequence[RuleView]) -> RuleView:
    levels = dict.fromkeys(level for view in same for level in view.standing)
    return replace(
        same[0],
        events=sum(view.events for view in same),
        runs_active=sum(view.runs_active for view in same),
        standing={level: sum(view.standing.get(level, 0) for view in same) for level in levels},
    )


def _changes(rule: Rule) -> tuple[str, ...]:
    """List the thresholds that the rule, or the defaults under it, set in place of the options' own."""
    found = [f"{kind}.{name} = {value}" for kind, table in rule.detectors.items() for name, value in table.items()]
    return tuple(found + [f"ladder.{name} = {value}" for name, value in rule.ladder.items()])

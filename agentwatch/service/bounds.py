"""Every bound of one partition's worker: how much it may hold, how much it holds, and what it made us forget."""

from agentwatch.config import Config
from agentwatch.pipeline import Pipeline
from agentwatch.service.hub import Hub
from agentwatch.views import BoundView

__all__ = ["bounds"]


def bounds(pipeline: Pipeline, hub: Hub, config: Config) -> tuple[BoundView, ...]:
    """List the bounds of the state, by the option that sets each."""
    ledgers, parts = pipeline.ledgers, pipeline.parts
    stats, gate, state = parts.bank.stats(), config.gate, config.state
    lineage, sizes = parts.bank.population.lineage, ledgers.gate.sizes()
    lost, limits, graves = ledgers.gate.dropped(), config.tombstones, ledgers.tombstones

    def gone(*kinds: str) -> int:
        return sum(stats.get(f"dropped_{kind}", 0) for kind in kinds)

    rows = (
        ("state.max_runs", state.max_runs, stats["runs"], gone("runs_over_limit")),
        ("state.max_agents", state.max_agents, stats["agents"], gone("agents_over_limit")),
        ("state.max_apps", state.max_apps, stats["apps"], gone("apps_over_limit")),
        ("state.max_parents", state.max_parents, len(lineage), lineage.dropped),
        ("ladder.max_subjects", config.ladder.max_subjects, len(ledgers.ladder), ledgers.ladder.dropped),
        ("standing.max_subjects", config.standing.max_subjects, len(ledgers.standing), ledgers.standing.dropped),
        ("tombstones.max_tombstones", limits.max_tombstones, len(graves), graves.dropped["tombstones"]),
        ("tombstones.max_descendants", limits.max_descendants, graves.descendants, graves.dropped["descendants"]),
        ("verify.max_watches", config.verify.max_watches, len(ledgers.verifier), ledgers.verifier.dropped),
        ("incidents.max_open", config.incidents.max_open, len(ledgers.incidents), ledgers.incidents.dropped),
        ("gate.activity.max_runs", gate.activity.max_runs, sizes["activity_runs"], lost["activity_runs"]),
        ("gate.outage.max_runs", gate.outage.max_runs, sizes["outage_runs"], lost["outage_runs"]),
        ("gate.breaker.max_scopes", gate.breaker.max_scopes, sizes["breaker_scopes"], 0),
        ("gate.max_allow", gate.max_allow, sizes["allow_entries"], 0),
        ("gate.max_silences", gate.max_silences, len(ledgers.silences), 0),
        ("flood.max_apps", config.flood.max_apps, len(parts.flood), parts.flood.unnamed),
        ("ledger.max_lines", config.ledger.max_lines, parts.ledger.most, parts.ledger.merged),
        ("ledger.max_remembered", config.ledger.max_remembered, len(parts.ledger), parts.ledger.forgotten),
        ("hub.watchers", config.hub.watchers, hub.watching, hub.dropped),
        ("hub.requests", config.hub.requests, hub.awaited, 0),
    )
    return tuple(
        BoundView(name=name, limit=limit, used=used, dropped=dropped) for name, limit, used, dropped in rows if limit
    )

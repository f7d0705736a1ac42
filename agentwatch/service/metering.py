"""Turns commits and state into metrics, once a commit and once a scrape; nothing here is labelled by run or agent."""

from agentwatch import __version__
from agentwatch.observe import metrics
from agentwatch.pipeline import Pipeline
from agentwatch.records import Batch, Change, Commit, Level, Origin

__all__ = ["count_commit", "gauge_state"]

_PROVEN = {Change.verified: "verified", Change.escalated: "escalated", Change.failed: "failed"}


def count_commit(batch: Batch, commit: Commit) -> None:
    """Count what a committed batch held and decided."""
    seen = metrics()
    if batch.entries:
        seen.batch_events.observe(len(batch.entries))
        seen.events.labels("counted").inc(len(batch.entries) - len(commit.dead))
    if commit.dead:
        seen.events.labels("dead").inc(len(commit.dead))
    for ack in batch.acks:
        seen.acks.labels(ack[1].state).inc()
    for line in commit.ledger:
        seen.tokens.labels("input").inc(line.input_tokens)
        seen.tokens.labels("output").inc(line.output_tokens)
        seen.cost.inc(line.cost_nusd / 1e9)
        seen.looping_cost.inc(line.looping_nusd / 1e9)
        seen.unpriced.inc(line.unpriced)
    for decision in commit.decisions:
        seen.decisions.labels(
            decision.level.name, decision.change.value, decision.origin.value, decision.gate or "none"
        ).inc()
        if decision.change is Change.up and decision.origin is Origin.policy:
            seen.signals.labels(decision.kind).inc()
        if decision.change in _PROVEN:
            seen.verifications.labels(_PROVEN[decision.change]).inc()
    for incident in commit.incidents:
        seen.incidents.labels(incident.state).inc()


def gauge_state(pipeline: Pipeline, dropped: dict[str, int], told: dict[str, int], now: float) -> None:
    """Set the gauges from the state. `told` holds what was counted of `dropped` before, and is brought up to date."""
    seen = metrics()
    ledgers = pipeline.ledgers
    stats = pipeline.parts.bank.stats()
    for scope in ("runs", "agents", "roots", "apps"):
        seen.tracked.labels(scope).set(stats[scope])
    for bound, count in dropped.items():
        if count > told.get(bound, 0):
            seen.dropped.labels(bound).inc(count - told.get(bound, 0))
            told[bound] = count
    commands = ledgers.standing.commands(now)
    for level in (Level.throttle, Level.pause, Level.kill):
        seen.standing.labels(level.name).set(sum(1 for command in commands if command.cmd == level.name))
    for mode in ("enforce", "observe"):
        seen.mode.labels(mode).set(1 if ledgers.gate.mode == mode else 0)
    seen.breakers_open.set(sum(1 for view in ledgers.gate.breakers(now) if view.state != "closed"))
    seen.incidents_open.set(len(ledgers.incidents))
    seen.build.labels(__version__).set(1)

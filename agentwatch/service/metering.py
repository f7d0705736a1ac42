"""Turns commits and state into metrics, once a commit and once a second; nothing is labelled by run or agent."""

import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

import structlog
from prometheus_client import Gauge

from agentwatch import __version__
from agentwatch.act.command_outbox import Reconciling
from agentwatch.errors import Unavailable
from agentwatch.fingerprint.compiled import form_name
from agentwatch.observe import metrics
from agentwatch.pipeline import Pipeline
from agentwatch.ports import SignalBus
from agentwatch.records import CANARY_TENANT, Batch, Change, Command, Commit, Level, Origin
from agentwatch.service.hub import Hub
from agentwatch.views import BoundView

__all__ = ["Board", "Gauges", "MeteredBus", "count_commit", "dropped", "oldest_unread_s"]

_log = structlog.get_logger()
_PROVEN = {Change.verified: "verified", Change.escalated: "escalated", Change.failed: "failed"}


def count_commit(batch: Batch, commit: Commit, pipeline: Pipeline) -> None:
    """Count what a committed batch held and decided, and how long the stops took that the pipeline proved in it."""
    seen = metrics()
    if batch.tick.gap:
        seen.lost.inc(batch.tick.gap)
    if batch.entries:
        seen.batch_events.observe(len(batch.entries))
        astray = sum(1 for one in commit.astray if one.stream == "events")
        seen.events.labels("counted").inc(len(batch.entries) - len(commit.dead) - pipeline.duplicates - astray)
        seen.events.labels("passed_on").inc(astray)
        seen.events.labels("duplicate").inc(pipeline.duplicates)
        seen.events.labels("dead").inc(len(commit.dead))
    if pipeline.repeated:
        seen.wishes_refused.inc(pipeline.repeated)
    for _, ack in batch.acks:
        seen.acks.labels(ack.state).inc()
    if commit.ledger:  # a batch may have a thousand lines: they are added up before a counter is touched
        seen.tokens.labels("input").inc(sum(commit.ledger.amounts("input_tokens")))
        seen.tokens.labels("output").inc(sum(commit.ledger.amounts("output_tokens")))
        seen.cost.inc(sum(commit.ledger.amounts("cost_nusd")) / 1e9)
        seen.looping_cost.inc(sum(commit.ledger.amounts("looping_nusd")) / 1e9)
        seen.unpriced.inc(sum(commit.ledger.amounts("unpriced")))
    for decision in commit.decisions:
        if decision.tenant == CANARY_TENANT:
            continue
        seen.decisions.labels(
            decision.level.name, decision.change.value, decision.origin.value, decision.gate or "none"
        ).inc()
        if decision.change is Change.up and decision.origin is Origin.policy:
            seen.signals.labels(decision.kind).inc()
        if decision.change in _PROVEN:
            seen.verifications.labels(_PROVEN[decision.change]).inc()
    for seconds in pipeline.stopped_s:
        seen.stop_seconds.observe(seconds)
    for incident in commit.incidents:
        seen.incidents.labels(incident.state).inc()


class Board:
    """Values of several partitions under one gauge: their sum, or what `fold` makes of them."""

    def __init__(self) -> None:
        self._shown: dict[Gauge, dict[object, float]] = {}

    def show(self, gauge: Gauge, whose: object, value: float, fold: Callable[[Iterable[float]], float] = sum) -> None:
        """Set one partition's part of a gauge."""
        parts = self._shown.setdefault(gauge, {})
        parts[whose] = value
        gauge.set(fold(parts.values()))

    def forget(self, whose: object) -> None:
        """Take a partition's part out of every gauge."""
        for gauge, parts in self._shown.items():
            if parts.pop(whose, None) is not None:
                gauge.set(sum(parts.values()))


class Gauges:
    """Shows the state as gauges, and what was dropped since it was shown last as counters."""

    def __init__(self, hub: Hub, board: Board) -> None:
        self._hub = hub
        self._board = board
        self._told: dict[str, int] = {}
        self.unsettled = ""
        self.bounds: Callable[[Pipeline], Sequence[BoundView]] = lambda _: ()

    def owner(self, owned: bool) -> None:
        """Show whether the partition is this process's."""
        self._board.show(metrics().owner, self, 1 if owned else 0)

    def owes(self, why: str) -> None:
        """Show what keeps a ledger from being brought up to date, "" where nothing does; it is logged once."""
        if why and why != self.unsettled:
            _log.error("ledger_not_settled", reason=why)
        self.unsettled = why
        self._board.show(metrics().ledgers_unsettled, self, 1 if why else 0)

    def end(self) -> None:
        """Show nothing of this partition any longer."""
        self._board.forget(self)

    def show(self, pipeline: Pipeline, now: float, lag: int) -> None:
        """Set every gauge of the state; `now` is the source's time of the last batch."""
        seen, show = metrics(), self._board.show
        ledgers = pipeline.ledgers
        stats = pipeline.parts.bank.stats()
        for scope in ("runs", "agents", "roots", "apps"):
            show(seen.tracked.labels(scope), self, stats[scope])
        for name, count in dropped(pipeline, self._hub).items():
            seen.dropped.labels(name).inc(self._more(name, count))
        seen.shed.inc(self._more("shed", pipeline.parts.flood.total))
        for bound in self.bounds(pipeline):
            show(seen.bound_limit.labels(bound.name), self, bound.limit, max)
            show(seen.bound_used.labels(bound.name), self, bound.used, max)
        commands = ledgers.standing.commands(now)
        for level in (Level.throttle, Level.pause, Level.kill):
            count = sum(1 for command in commands if command.cmd == level.name)
            show(seen.standing.labels(level.name), self, count)
        for mode in ("enforce", "observe"):
            seen.mode.labels(mode).set(1 if ledgers.gate.mode == mode else 0)
        show(seen.safe_mode, self, 1 if ledgers.gate.safe else 0, max)
        opened = sum(1 for view in ledgers.gate.breakers(now) if view.state != "closed")
        show(seen.breakers_open, self, opened)
        show(seen.incidents_open, self, len(ledgers.incidents) + len(ledgers.ourselves.open()))
        show(seen.events_behind, self, lag)
        show(seen.oldest_unread, self, oldest_unread_s(pipeline.positions.events, now, lag), max)
        seen.watchdog_at.set(time.time())
        seen.build.labels(__version__, form_name()).set(1)

    def _more(self, name: str, count: int) -> int:
        """Tell how much was added to a count since it was shown; one of a pipeline made anew begins at nought."""
        told, self._told[name] = self._told.get(name, 0), count
        return count - told if count >= told else count


class MeteredBus:
    """A signal path that counts what it was given and how long after the decision it was confirmed.

    hear: is told the number of each decision before it goes out.
    """

    def __init__(self, bus: SignalBus, hear: Callable[[int], None]) -> None:
        self._bus = bus
        self._hear = hear
        self.name = bus.name

    async def send(self, command: Command) -> None:
        """Deliver, confirmed by the transport."""
        self._hear(command.epoch)
        await self._counted(self._bus.send(command))
        metrics().delivery_seconds.labels(self.name).observe(max(0.0, time.time() - command.issued_at))

    async def clear(self, subject: str, epoch: int) -> None:
        """Take back what stands for a subject."""
        self._hear(epoch)
        await self._counted(self._bus.clear(subject, epoch))

    async def reconcile(self, standing: Sequence[Command]) -> None:
        """Bring everything that stands: at once where the bus retains commands, else one by one."""
        self._hear(max((command.epoch for command in standing), default=0))
        if isinstance(self._bus, Reconciling):
            await self._bus.reconcile(standing)
            return
        for command in standing:
            await self._bus.send(command)

    async def _counted(self, work: Coroutine[Any, Any, None]) -> None:
        sent = metrics().deliveries
        try:
            await work
        except Unavailable:
            sent.labels(self.name, "failed").inc()
            raise
        sent.labels(self.name, "ok").inc()


def oldest_unread_s(position: str, now: float, lag: int) -> float:
    """Tell how old the position is that was reached, while something waits behind it."""
    return max(0.0, now - int(position.partition("-")[0]) / 1000) if lag else 0.0


def dropped(pipeline: Pipeline, hub: Hub) -> dict[str, int]:
    """Tell what each bound made us forget or leave out since the state began."""
    ledgers, parts = pipeline.ledgers, pipeline.parts
    stats = parts.bank.stats()
    return {
        **{name.removeprefix("dropped_"): count for name, count in stats.items() if name.startswith("dropped_")},
        **ledgers.gate.dropped(),
        "ladder_subjects": ledgers.ladder.dropped,
        "standing_subjects": ledgers.standing.dropped,
        "standing_forgotten": pipeline.forgetting.let_go,
        "tombstones": ledgers.tombstones.dropped["tombstones"],
        "tombstone_descendants": ledgers.tombstones.dropped["descendants"],
        "verifications": ledgers.verifier.dropped,
        "incidents": ledgers.incidents.dropped,
        "ledger_lines_merged": parts.ledger.merged,
        "unknown_fields": parts.decoded.unknown_fields,
        "clamped_times": parts.decoded.clamped,
        "watcher_decisions": hub.dropped,
    }

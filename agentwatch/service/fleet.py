"""What the daemon knows of agents and runs, read from the worker's state; nothing here waits or changes anything."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from agentwatch import __version__
from agentwatch.config import Config
from agentwatch.errors import BadRequest
from agentwatch.pipeline import Pipeline
from agentwatch.records import Decision, Level
from agentwatch.service.explaining import explain
from agentwatch.service.health import Health
from agentwatch.service.hub import Hub
from agentwatch.service.worker import Worker
from agentwatch.subject import covering, parse
from agentwatch.views import AgentView, Explanation, RunView, StatusView

__all__ = ["Fleet"]


class Fleet:
    """Answers `FleetQueries` for one worker."""

    def __init__(
        self,
        worker: Worker,
        health: Health,
        hub: Hub,
        config: Config,
        partitions: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._worker = worker
        self._health = health
        self._hub = hub
        self._partitions = partitions
        self._config = config
        self._clock = clock
        self._started_at = clock()

    @property
    def _pipeline(self) -> Pipeline:
        return self._worker.pipeline

    def status(self) -> StatusView:
        """Describe the daemon at one glance."""
        pipeline, worker = self._pipeline, self._worker
        ledgers, stats = pipeline.ledgers, pipeline.parts.bank.stats()
        standing = Counter(decision.level.name for decision in ledgers.standing)
        held = sum(1 for decision in ledgers.standing if decision.gate)
        now = self._clock()
        return StatusView(
            version=__version__,
            mode=ledgers.gate.mode,
            partition=self._config.redis.partition,
            partitions=self._partitions,
            started_at=self._started_at,
            now=now,
            events=pipeline.positions.index,
            events_per_second=round(worker.tally.per_second(worker.last_batch_at), 2),
            lag=worker.lag,
            oldest_unread_s=self._oldest(now),
            position=pipeline.positions.events,
            runs_active=stats["runs"],
            agents_active=stats["agents"],
            looping=len(ledgers.ladder.standing()),
            standing={**standing, "held_back": held},
            dead_letters=worker.tally.dead,
            cost_today_nusd=worker.tally.cost_of(datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")),
            policy_digest=pipeline.rulebook.policy.digest,
            rules=len(pipeline.rulebook.policy.rules),
            dropped=self._dropped(stats),
            limits=self._limits(),
            breakers=ledgers.gate.breakers(now),
            components=self._health.components(now),
            last_reload=self._health.last_reload,
            incidents_open=len(ledgers.incidents.open()),
        )

    def agents(self, tenant: str | None) -> Sequence[AgentView]:
        """List the tracked agents, most expensive first, each with the hardest level of its runs."""
        worst: dict[tuple[str, str, str], Level] = {}
        for decision in self._pipeline.ledgers.standing:
            key = (decision.tenant, decision.app, decision.agent)
            worst[key] = max(worst.get(key, Level.observe), decision.level)
        found = self._pipeline.parts.bank.fleet.agents(tenant)
        return [replace(view, level=worst.get((view.tenant, view.app, view.agent), Level.observe)) for view in found]

    def agent(self, subject: str) -> AgentView | None:
        """Show an agent with its signals and runs."""
        view = self._pipeline.parts.bank.fleet.agent(subject)
        if view is None:
            return None
        runs = tuple(self._levelled(run) for run in view.run_views)
        level = max([self._level(subject), *(run.level for run in runs)])
        return replace(view, run_views=runs, level=level)

    def run(self, subject: str) -> RunView | None:
        """Show a run with its signals and last steps."""
        view = self._pipeline.parts.bank.fleet.run(subject)
        return None if view is None else self._levelled(view)

    def explain(self, subject: str) -> Explanation | None:
        """Say why a subject is where it is."""
        try:
            parse(subject)
        except BadRequest:
            return None
        return explain(self._pipeline, subject, self._decisions(subject), self._clock())

    def _oldest(self, now: float) -> float:
        """Tell how old the position is that was reached, while something waits behind it (seconds)."""
        position = self._pipeline.positions.events
        return max(0.0, now - int(position.partition("-")[0]) / 1000) if self._worker.lag else 0.0

    def _decisions(self, subject: str) -> tuple[Decision, ...]:
        wanted = {subject}
        run = self._pipeline.parts.bank.fleet.run(subject)
        if run is not None:
            wanted.update(covering(run.tenant, run.app, run.agent, run.run, run.root_run, run.task))
        return tuple(decision for decision in self._worker.tally.recent if decision.subject in wanted)

    def _level(self, subject: str) -> Level:
        decision = self._pipeline.ledgers.standing.get(subject)
        return Level.observe if decision is None else decision.level

    def _levelled(self, run: RunView) -> RunView:
        subjects = covering(run.tenant, run.app, run.agent, run.run, run.root_run, run.task)
        return replace(run, level=max(self._level(subject) for subject in subjects))

    def _dropped(self, stats: dict[str, int]) -> dict[str, int]:
        ledgers, parts = self._pipeline.ledgers, self._pipeline.parts
        return {
            **{name.removeprefix("dropped_"): count for name, count in stats.items() if name.startswith("dropped_")},
            **ledgers.gate.dropped(),
            "ladder_subjects": ledgers.ladder.dropped,
            "standing_subjects": ledgers.standing.dropped,
            "tombstones": ledgers.tombstones.dropped["tombstones"],
            "tombstone_descendants": ledgers.tombstones.dropped["descendants"],
            "verifications": ledgers.verifier.dropped,
            "incidents": ledgers.incidents.dropped,
            "ledger_lines_merged": parts.ledger.merged,
            "unknown_fields": parts.decoded.unknown_fields,
            "clamped_times": parts.decoded.clamped,
            "watcher_decisions": self._hub.dropped,
        }

    def _limits(self) -> dict[str, int]:
        state = self._config.state
        return {
            "runs": state.max_runs,
            "agents": state.max_agents,
            "apps": state.max_apps,
            "ladder_subjects": self._config.ladder.max_subjects,
            "standing_subjects": self._config.standing.max_subjects,
            "tombstones": self._config.tombstones.max_tombstones,
            "verifications": self._config.verify.max_watches,
        }

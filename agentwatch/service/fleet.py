"""What the daemon knows of agents and runs, read from the worker's state; nothing here waits or changes anything."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from agentwatch import __version__
from agentwatch.config import Config
from agentwatch.detect.kernel import kernel_trouble
from agentwatch.errors import BadRequest
from agentwatch.fingerprint.compiled import form_name, form_trouble
from agentwatch.pipeline import Pipeline
from agentwatch.records import CANARY_TENANT, Level
from agentwatch.service.bounds import bounds
from agentwatch.service.explaining import explain
from agentwatch.service.health import Health
from agentwatch.service.hub import Hub
from agentwatch.service.memory import RememberingBank
from agentwatch.service.metering import dropped, oldest_unread_s
from agentwatch.service.worker import Worker
from agentwatch.subject import agent_subject, covering, parse
from agentwatch.views import AgentView, CohortView, Explanation, RunView, StatusView

__all__ = ["Fleet"]

_DAY_S = 86400


class Fleet:
    """Answers `FleetQueries` for one worker. `place`: its partition, and how many there are."""

    def __init__(
        self,
        worker: Worker,
        health: Health,
        hub: Hub,
        config: Config,
        place: tuple[int, int],
        clock: Callable[[], float] = time.time,
        cohort: Callable[[str], CohortView | None] = lambda _: None,
        canary: Callable[[], str] = lambda: "",
    ) -> None:
        self._worker = worker
        self._health = health
        self._hub = hub
        self._partition, self._partitions = place
        self._config = config
        self._clock = clock
        self._cohort = cohort
        self._canary = canary
        self._started_at = clock()

    @property
    def _pipeline(self) -> Pipeline:
        return self._worker.pipeline

    @property
    def _state_now(self) -> float:
        """The time by which the state is asked: the source's, for by another clock asking would change answers."""
        return self._worker.last_batch_at or self._clock()

    def status(self) -> StatusView:
        """Describe the daemon at one glance."""
        pipeline, worker = self._pipeline, self._worker
        ledgers, stats, now = pipeline.ledgers, pipeline.parts.bank.stats(), self._clock()
        standing = Counter(decision.level.name for decision in ledgers.standing.in_force(self._state_now))
        return StatusView(
            version=__version__,
            mode=ledgers.gate.mode,
            partition=self._partition,
            partitions_held=(self._partition,),
            partitions=self._partitions,
            started_at=self._started_at,
            now=now,
            events=pipeline.positions.index,
            events_per_second=round(worker.tally.per_second(worker.last_batch_at), 2),
            lag=worker.lag,
            oldest_unread_s=oldest_unread_s(pipeline.positions.events, self._state_now, worker.lag),
            position=pipeline.positions.events,
            runs_active=stats["runs"],
            agents_active=stats["agents"],
            looping=len(ledgers.ladder.standing()),
            standing={**standing, "held_back": ledgers.standing.waiting},
            dead_letters=worker.tally.dead,
            cost_today_nusd=self._cost_of(int(now // _DAY_S)),
            policy_digest=pipeline.rulebook.policy.digest,
            rules=len(pipeline.rulebook.policy.rules),
            dropped=dropped(pipeline, self._hub),
            limits=self._limits(),
            breakers=ledgers.gate.breakers(self._state_now),
            components=self._health.components(now),
            bounds=bounds(pipeline, self._hub, self._config),
            shed_events=pipeline.parts.flood.total,
            shedding=pipeline.parts.flood.shedding(),
            safe_mode=ledgers.gate.safe,
            canary=self._canary(),
            last_reload=self._health.last_reload,
            incidents_open=len(ledgers.incidents) + len(ledgers.ourselves.open()),
            fingerprints=form_name(),
            fingerprints_trouble=form_trouble() or kernel_trouble(),
        )

    def agents(self, tenant: str | None) -> Sequence[AgentView]:
        """List the tracked agents, most expensive first, each with the hardest level of its runs; no canaries."""
        worst: dict[tuple[str, str, str], Level] = {}
        for decision in self._pipeline.ledgers.standing:
            key = (decision.tenant, decision.app, decision.agent)
            worst[key] = max(worst.get(key, Level.observe), decision.level)
        found = self._pipeline.parts.bank.fleet.agents(tenant)
        return [
            replace(
                view,
                level=worst.get((view.tenant, view.app, view.agent), Level.observe),
                cohort=self._cohort(view.subject),
            )
            for view in found
            if tenant or view.tenant != CANARY_TENANT
        ]

    def agent(self, subject: str) -> AgentView | None:
        """Show an agent with its signals and runs."""
        view = self._pipeline.parts.bank.fleet.agent(subject)
        if view is None:
            return None
        runs = tuple(self._levelled(run) for run in view.run_views)
        level = max([self._level(subject), *(run.level for run in runs)])
        return replace(view, run_views=runs, level=level, cohort=self._cohort(subject))

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
        bank = self._pipeline.parts.bank
        memory = bank.memory if isinstance(bank, RememberingBank) else None
        found = explain(self._pipeline, subject, self._worker.tally.recent, self._state_now, memory)
        if found is None:
            return None
        run = self._pipeline.parts.bank.fleet.run(found.run)
        agent = agent_subject(run.tenant, run.app, run.agent) if run is not None else subject
        return replace(found, cohort=self._cohort(agent))

    def _cost_of(self, day: int) -> int:
        """Tell the nano-dollars of a day (days since 1970) over all tracked apps."""
        apps = self._pipeline.parts.bank.population.apps.values()
        return sum(app.today.cost_nusd for app in apps if app.today.day == day)

    def _level(self, subject: str) -> Level:
        decision = self._pipeline.ledgers.standing.get(subject)
        return Level.observe if decision is None else decision.level

    def _levelled(self, run: RunView) -> RunView:
        subjects = covering(run.tenant, run.app, run.agent, run.run, run.root_run, run.task)
        return replace(run, level=max(self._level(subject) for subject in subjects))

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

"""What the tracked state shows of itself: agents, runs, their last steps as digests and their last signals.

Levels are the ladder's: views made here say `observe`, and whoever knows better replaces it.
"""

from collections.abc import Iterator, Mapping

from agentwatch.detect.history import FAILED, History
from agentwatch.detect.population import Population
from agentwatch.detect.state import AgentState, AppState, LastSignal, RunState
from agentwatch.errors import BadRequest
from agentwatch.records import Level, Signal
from agentwatch.subject import agent_subject, parse, run_subject
from agentwatch.views import AgentView, RunView, SignalView, StepView

__all__ = ["FleetState", "level_of", "signal_views", "steps_of"]

_LEAST_SPAN_S = 300.0
_MOST_STEPS = 64


class FleetState:
    """Reads a population; nothing here changes it, and nothing is kept."""

    def __init__(self, population: Population) -> None:
        self.population = population

    def agents(self, tenant: str | None = None) -> list[AgentView]:
        """List the agents of a tenant (None: of all), dearest first, without their runs."""
        found = [
            _agent_view(app, agent)
            for app in self.population.apps.values()
            if tenant is None or app.tenant == tenant
            for agent in app.agents.values()
        ]
        found.sort(key=lambda view: (-view.cost_nusd, -view.tokens, view.subject))
        return found

    def agent(self, subject: str) -> AgentView | None:
        """Show one agent with its runs, latest first."""
        scope, app, ids = self._place(subject)
        agent = app.agents.get(ids[0]) if app is not None and scope == "agent" else None
        if app is None or agent is None:
            return None
        runs = [run for run in app.runs.values() if run.agent == agent.agent or agent.agent in run.speakers]
        runs.sort(key=lambda run: -run.last_index)
        return _agent_view(app, agent, tuple(run_view(run) for run in runs[:_MOST_STEPS]))

    def runs(self, tenant: str | None = None) -> Iterator[RunView]:
        """List the tracked runs, without their steps."""
        for app in self.population.apps.values():
            if tenant is None or app.tenant == tenant:
                for run in app.runs.values():
                    yield run_view(run)

    def run(self, subject: str) -> RunView | None:
        """Show one run with its last steps and signals."""
        scope, app, ids = self._place(subject)
        run = app.runs.get(ids[0]) if app is not None and scope == "run" else None
        return run_view(run, steps_of(run)) if run is not None else None

    def tree(self, subject: str) -> list[RunView]:
        """List the runs under a root's subject, latest first."""
        scope, app, ids = self._place(subject)
        if app is None or scope != "root":
            return []
        runs = sorted((run for run in app.runs.values() if run.root == ids[0]), key=lambda run: -run.last_index)
        return [run_view(run) for run in runs]

    def signals(self, subject: str) -> tuple[SignalView, ...]:
        """List the last signals of each detector on a run, root, agent or app."""
        scope, app, ids = self._place(subject)
        if app is None:
            return ()
        if scope == "app":
            return signal_views(app.signals)
        if scope == "root":
            tree = app.root(ids[0])
            return signal_views(tree.signals if tree is not None else None)
        places: dict[str, Mapping[str, object]] = {"run": app.runs, "agent": app.agents}
        owner = places.get(scope, {}).get(ids[0])
        return signal_views(getattr(owner, "signals", None))

    def handles(self, subject: str) -> dict[str, str]:
        """Tell what an enforcer may hold on to: the handles of a run, or of all runs under a root, agent or app."""
        scope, app, ids = self._place(subject)
        found: dict[str, str] = {}
        for run in app.runs.values() if app is not None else ():
            wanted = {"run": run.run, "root": run.root, "agent": run.agent, "app": ""}.get(scope)
            if run.handles and wanted == (ids[0] if ids else ""):
                found.update(run.handles)
        return found

    def _place(self, subject: str) -> tuple[str, AppState | None, tuple[str, ...]]:
        try:
            scope, tenant, name, ids = parse(subject)
        except BadRequest:
            return "", None, ()
        return scope, self.population.apps.get((tenant, name)), ids


def run_view(run: RunState, steps: tuple[StepView, ...] = ()) -> RunView:
    """Make the view of a run."""
    return RunView(
        subject=run_subject(run.tenant, run.app, run.run),
        tenant=run.tenant,
        app=run.app,
        agent=run.agent,
        run=run.run,
        root_run=run.root,
        parent_run=run.parent,
        task=run.task,
        team=run.team,
        started_at=run.started,
        last_at=run.last,
        events=run.events,
        tokens=run.tokens,
        cost_nusd=run.cost_nusd,
        unpriced=run.unpriced,
        ended=run.ended,
        stoppable=run.stoppable,
        signals=signal_views(run.signals),
        steps=steps,
    )


def _agent_view(app: AppState, agent: AgentState, runs: tuple[RunView, ...] = ()) -> AgentView:
    today = agent.today
    per_hour = int(today.cost_nusd * 3600 / max(_LEAST_SPAN_S, agent.last - today.since))
    return AgentView(
        subject=agent_subject(app.tenant, app.app, agent.agent),
        tenant=app.tenant,
        app=app.app,
        agent=agent.agent,
        team=agent.team,
        runs=agent.runs,
        events=agent.events,
        tokens=agent.tokens,
        cost_nusd=agent.cost_nusd,
        cost_per_hour_nusd=per_hour,
        last_at=agent.last,
        stoppable=agent.epoch >= 0 or any(run.stoppable for run in runs),
        signals=signal_views(agent.signals),
        run_views=runs,
    )


def signal_views(signals: dict[str, LastSignal] | None) -> tuple[SignalView, ...]:
    """Make the views of last signals, strongest first."""
    found = [_signal_view(last) for last in (signals or {}).values()]
    return tuple(sorted(found, key=lambda view: (-view.level.height, -view.strength, view.kind)))


def _signal_view(last: LastSignal) -> SignalView:
    signal = last.signal
    return SignalView(
        kind=signal.kind,
        subject=signal.subject,
        strength=signal.strength,
        kill_at=signal.kill_at,
        level=level_of(signal),
        confidence=signal.confidence,
        at=last.at,
        reason=signal.reason,
        speaks_for=signal.speaks_for,
        speaks_against=signal.speaks_against,
        evidence=signal.evidence,
    )


def level_of(signal: Signal) -> Level:
    """Tell what a signal alone would justify: nothing, a warning, or from `kill_at` on the hardest that it may."""
    if signal.strength < 1.0:
        return Level.observe
    return signal.ceiling if signal.strength >= signal.kill_at else min(Level.warn, signal.ceiling)


def steps_of(run: RunState) -> tuple[StepView, ...]:
    """List the last calls of all speakers of a run in time order; equal digests are equal content."""
    found = [step for agent, history in run.speakers.items() for step in _calls(agent, history)]
    found.sort(key=lambda step: step.ts)
    return tuple(found[-_MOST_STEPS:])


def _calls(agent: str, history: History) -> Iterator[StepView]:
    for place in range(history.window):
        yield StepView(
            index=-1,
            ts=history.time_at(place),
            op="execute_tool",
            agent=agent,
            arguments=f"{history.call_at(place):016x}",
            result=f"{history.result_at(place):016x}",
            status="error" if history.mark_at(place) & FAILED else "",
        )

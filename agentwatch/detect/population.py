"""Who exists: finds or makes the app, agent, tree and run of each event, bounded by count and by age.

Forgetting by age follows the app's own clock, so that it does not depend on what other apps do; forgetting by count
takes the stalest sixteenth at once, which keeps the cost of an event flat without a list kept in order.
"""

from collections.abc import Callable
from sys import intern
from typing import Literal

from agentwatch.detect.dedup import note
from agentwatch.detect.history import History
from agentwatch.detect.lineage import Lineage
from agentwatch.detect.options import StateOptions
from agentwatch.detect.reading import NOTHING
from agentwatch.detect.state import AgentState, AppState, RootState, RunState, Scope
from agentwatch.records import Event
from agentwatch.subject import app_subject

__all__ = ["Extent", "Population"]

AppKey = tuple[str, str]
Extent = Literal["run", "root", "agent", "app"]


class Population:
    """All tracked state of a partition. Everything dropped is counted in `dropped`, by kind.

    gone: what the last event made it forget: extent, tenant, app, name. A run that begins anew under its id is not.
    closed: how many runs, agents and apps were ever closed, so that who remembers one knows when to look again.
    """

    def __init__(self, options: StateOptions) -> None:
        self.options = options
        # as floats, for the compiled form (`kernel`)
        self.bounds = (
            *(float(options.sweep_s), float(options.default_run_idle_s)),
            *(options.duplicate_events, float(options.duplicate_s)),
        )
        self.apps: dict[AppKey, AppState] = {}
        self.lineage = Lineage(options.max_parents)
        self.runs = 0
        self.agents = 0
        self.trees = 0
        self.closed = 0
        self.dropped: dict[str, int] = {}
        self.gone: list[tuple[Extent, str, str, str]] = []

    def admit(self, event: Event, index: int) -> Scope:
        """Place an event: the app's clock moves on, and what did not exist begins."""
        if self.gone:
            self.gone = []
        name = event.app if event.app != event.agent else self.lineage.app_of(event)
        app = self.apps.get((event.tenant, name))
        if app is None:
            app = self._begin_app(event.tenant, name)
        app.last_index = index
        now = app.clock
        if event.ts > now:
            now = app.clock = event.ts
        if now - app.swept >= self.options.sweep_s:
            self._sweep(app)
        agent = app.agents.get(event.agent)
        if agent is None:
            agent = self._begin_agent(app, event)
        run = app.runs.get(event.run)
        opened = run is None or ((run.ended or run.run == run.agent) and self._is_over(run, event, now))
        if run is None or opened:
            run = self._open(app, agent, event, index)
        elif run.root != event.root_run != event.run:
            self._move(app, run, event.root_run)
        options = self.options
        second = int(now - run.started)
        recent = note(run.recent, event.id, second, options.duplicate_events, options.duplicate_s)
        if recent is not None:
            run.recent = recent
        history = run.own if event.agent == run.agent else self._other(run, agent)
        return Scope(app, agent, run.tree or app.roots[run.root], run, history, NOTHING, recent is None, opened)

    def knows(self, extent: str, tenant: str, app: str, name: str) -> bool:
        """Tell whether something is tracked now."""
        held = self.apps.get((tenant, app))
        if held is None or extent == "app":
            return held is not None
        if extent == "agent":
            return name in held.agents
        if extent == "run":
            return name in held.runs
        top = held.runs.get(name)
        return name in held.roots or (top is not None and top.tree is not None)

    def absorb(self, other: "Population", mine: Callable[[str], bool]) -> None:
        """Take over the apps of another population whose subjects are `mine`, with all that hangs on them."""
        for key, app in other.apps.items():
            if mine(app_subject(*key)):
                self.apps[key] = app
                self.runs += len(app.runs)
                self.agents += len(app.agents)
                self.trees += len(app.roots) + sum(run.tree is not None for run in app.runs.values())
        self.lineage.absorb(other.lineage, mine)

    def _begin_app(self, tenant: str, name: str) -> AppState:
        if len(self.apps) >= self.options.max_apps:
            self._thin_apps()
        app = self.apps[tenant, name] = AppState(tenant, name)
        return app

    def _begin_agent(self, app: AppState, event: Event) -> AgentState:
        if self.agents >= self.options.max_agents:
            self._thin_agents()
        name = app.app if event.agent == app.app else event.agent
        agent = app.agents[name] = AgentState(name, started=app.clock, last=app.clock)
        self.agents += 1
        return agent

    def _is_over(self, run: RunState, event: Event, now: float) -> bool:
        """Tell whether the event begins another run under the same id.

        A run without an id of its own ends by its end event or by being idle, a named one only by a new start event.
        """
        if run.run == run.agent:
            return run.ended or now - run.last > self.options.default_run_idle_s
        return run.ended and event.op == "run_start"

    def _open(self, app: AppState, agent: AgentState, event: Event, index: int) -> RunState:
        before = app.runs.get(event.run)
        if before is not None:
            self._close(app, before)
        elif self.runs >= self.options.max_runs:
            self._thin_runs()
        # Equal names are kept as one string: of most runs half of the names are equal.
        name = agent.agent if event.run == agent.agent else event.run
        root = name if event.root_run == name else event.root_run
        parent, above = event.parent_run, app.runs.get(event.parent_run)
        if above is not None:
            parent = above.run
            root = above.root if root is name else root
        run = RunState(app.tenant, app.app, agent.agent, name, root, parent, intern(event.task), intern(event.team))
        run.started = run.last = app.clock
        run.first_index = index
        app.runs[name] = run
        self.runs += 1
        self.lineage.add(event, app.tenant, run.run, app.app)
        self._join(app, run)
        return run

    def _join(self, app: AppState, run: RunState) -> None:
        """Put a run into its tree, which begins with it or is shared from now on."""
        tree = app.roots.get(run.root)
        if tree is None and run.root == run.run:
            run.tree = RootState(run.root, run.agent, started=app.clock, last=app.clock, live=1)
            self.trees += 1
            return
        if tree is None:
            top = app.runs.get(run.root)
            if top is not None and top.tree is not None:
                tree, top.tree = top.tree, None
            else:
                tree = RootState(run.root, run.agent, started=app.clock, last=app.clock)
                self.trees += 1
            app.roots[run.root] = tree
        tree.live += 1
        if run.root != run.run:
            tree.descendants += 1

    def _leave(self, app: AppState, run: RunState) -> None:
        if run.tree is not None:
            run.tree = None
            self.trees -= 1
            return
        tree = app.roots[run.root]
        tree.live -= 1
        if tree.live <= 0:
            del app.roots[run.root]
            self.trees -= 1

    def _move(self, app: AppState, run: RunState, name: str) -> None:
        """Hang a run under the root that it named only later."""
        before, trees = run.root, self.trees
        self._leave(app, run)
        if self.trees < trees:
            self.gone.append(("root", app.tenant, app.app, before))
        run.root = name
        self._join(app, run)

    def _other(self, run: RunState, agent: AgentState) -> History:
        """Find or make the history of an agent that speaks in another's run; the first of too many goes."""
        others = run.others
        if others is None:
            others = run.others = {}
        history = others.get(agent.agent)
        if history is None:
            if len(others) >= self.options.max_speakers - 1:
                del others[next(iter(others))]
                self._drop("speakers")
            history = others[agent.agent] = History()
        return history

    def _close(self, app: AppState, run: RunState) -> None:
        del app.runs[run.run]
        self.runs -= 1
        self.closed += 1
        self._leave(app, run)

    def _lose(self, app: AppState, run: RunState) -> None:
        """Close a run for good."""
        trees = self.trees
        self._close(app, run)
        self.gone.append(("run", app.tenant, app.app, run.run))
        if self.trees < trees:
            self.gone.append(("root", app.tenant, app.app, run.root))

    def _lose_agent(self, app: AppState, agent: AgentState) -> None:
        del app.agents[agent.agent]
        self.agents -= 1
        self.closed += 1
        self.gone.append(("agent", app.tenant, app.app, agent.agent))

    def _sweep(self, app: AppState) -> None:
        """Forget what has been idle for too long by the app's clock."""
        now = app.swept = app.clock
        options = self.options
        for run in list(app.runs.values()):
            keep = options.ended_run_keep_s if run.ended else options.run_idle_s
            if now - run.last > keep:
                self._lose(app, run)
                self._drop("runs_ended" if run.ended else "runs_idle")
        for agent in list(app.agents.values()):
            if now - agent.last > options.agent_idle_s:
                self._lose_agent(app, agent)
                self._drop("agents_idle")

    def _thin_runs(self) -> None:
        everyone = (
            (run.last_index, run.first_index, app, run) for app in self.apps.values() for run in app.runs.values()
        )
        stalest = sorted(everyone, key=lambda one: one[:2])[: max(1, self.options.max_runs // 16)]
        for _, _, app, run in stalest:
            self._lose(app, run)
            self._drop("runs_over_limit")

    def _thin_agents(self) -> None:
        everyone = ((agent.last_index, app, agent) for app in self.apps.values() for agent in app.agents.values())
        stalest = sorted(everyone, key=lambda one: one[0])[: max(1, self.options.max_agents // 16)]
        for _, app, agent in stalest:
            self._lose_agent(app, agent)
            self._drop("agents_over_limit")

    def _thin_apps(self) -> None:
        stalest = sorted(self.apps.values(), key=lambda app: app.last_index)[: max(1, self.options.max_apps // 16)]
        for app in stalest:
            for run in list(app.runs.values()):
                self._lose(app, run)
            for agent in list(app.agents.values()):
                self._lose_agent(app, agent)
            del self.apps[app.tenant, app.app]
            self.closed += 1
            self.gone.append(("app", app.tenant, app.app, app.app))
            self._drop("apps_over_limit")

    def _drop(self, kind: str) -> None:
        self.dropped[kind] = self.dropped.get(kind, 0) + 1

"""What each run, tree, agent and app has used: events, turns, tokens, money, and who was seen in it."""

from sys import intern

from agentwatch.detect.state import AgentState, DayTotals, RootState, RunState, Scope
from agentwatch.records import Event, Observation

__all__ = ["account"]

DAY_S = 86400
_MAX_USERS = 8
_MAX_HANDLES = 16
_NO_TURN = frozenset(("heartbeat", "run_start", "run_end"))


def account(seen: Observation, scope: Scope) -> None:
    """Count an event, once, before anything judges it. Duplicates must not come here."""
    event, run = seen.event, scope.run
    into, out = event.input_tokens or 0, event.output_tokens or 0
    cost = seen.cost_nusd or 0
    unpriced = int(seen.cost_nusd is None and into + out > 0)
    turns = _turns(run, event)
    _to_run(run, seen, into, out, cost, unpriced)
    _to_root(scope.root, seen.now, turns, into + out, cost, unpriced)
    _to_agent(scope.agent, seen, into + out, cost, unpriced)
    scope.app.events += 1
    _to_day(scope.agent.today, seen.now, turns, into + out, cost, unpriced)
    _to_day(scope.app.today, seen.now, turns, into + out, cost, unpriced)
    if scope.opened:
        scope.agent.runs += 1


def _turns(run: RunState, event: Event) -> int:
    """Count the event into the run's turns and tell by how many they grew."""
    if event.status == "held" or event.op in _NO_TURN:
        return 0
    before = run.turns
    if event.op == "execute_tool":
        if event.step is None or event.step != run.last_step:
            run.rounds += 1
            run.last_step = -1 if event.step is None else event.step
    elif event.op != "compact":
        run.chats += 1
    return run.turns - before


def _to_run(run: RunState, seen: Observation, into: int, out: int, cost: int, unpriced: int) -> None:
    event = seen.event
    run.events += 1
    run.last = seen.now
    run.last_index = seen.index
    run.input_tokens += into
    run.output_tokens += out
    run.cost_nusd += cost
    run.unpriced += unpriced
    run.ended = event.op == "run_end"
    if event.trigger == "human":
        run.human_at = seen.now
    if event.epoch is not None:
        run.epoch, run.epoch_at = event.epoch, seen.now
    if event.handles and event.handles != run.handles:
        merged = {**(run.handles or {}), **event.handles}
        run.handles = merged if len(merged) <= _MAX_HANDLES else event.handles
    if event.model and event.model != run.model:
        run.model = intern(event.model)
    if event.task and not run.task:
        run.task = event.task
    if event.team and not run.team:
        run.team = intern(event.team)
    if event.user and event.user not in run.users and len(run.users) < _MAX_USERS:
        run.users = (*run.users, event.user)


def _to_root(root: RootState, now: float, turns: int, tokens: int, cost: int, unpriced: int) -> None:
    root.events += 1
    root.last = now
    root.turns += turns
    root.tokens += tokens
    root.cost_nusd += cost
    root.unpriced += unpriced


def _to_agent(agent: AgentState, seen: Observation, tokens: int, cost: int, unpriced: int) -> None:
    agent.events += 1
    agent.last = seen.now
    agent.last_index = seen.index
    agent.tokens += tokens
    agent.cost_nusd += cost
    agent.unpriced += unpriced
    if seen.event.epoch is not None:
        agent.epoch = seen.event.epoch
    if seen.event.team and not agent.team:
        agent.team = seen.event.team


def _to_day(today: DayTotals, now: float, turns: int, tokens: int, cost: int, unpriced: int) -> None:
    day = int(now // DAY_S)
    if day != today.day:
        today.day, today.since = day, now
        today.turns = today.tokens = today.cost_nusd = today.unpriced = 0
    today.turns += turns
    today.tokens += tokens
    today.cost_nusd += cost
    today.unpriced += unpriced

"""What each run, tree, agent and app has used: events, turns, tokens, money, and who was seen in it."""

from sys import intern

from agentwatch.detect.state import DayTotals, RunState, Scope
from agentwatch.records import Event, Observation

__all__ = ["account"]

DAY_S = 86400
_MAX_USERS = 8
_MAX_HANDLES = 16
_NO_TURN = frozenset(("heartbeat", "run_start", "run_end"))


def account(seen: Observation, scope: Scope) -> None:
    """Count an event, once, before anything judges it. Duplicates must not come here."""
    event, now, run, root, agent, app = seen.event, seen.now, scope.run, scope.root, scope.agent, scope.app
    _to_run(run, seen)
    root.events += 1
    root.last = now
    agent.events += 1
    if scope.opened:
        agent.runs += 1
    agent.last = now
    agent.last_index = seen.index
    if event.epoch is not None:
        agent.epoch = event.epoch
    if event.team and not agent.team:
        agent.team = event.team
    app.events += 1
    day = now // DAY_S
    if day != app.today.day:
        _begin_day(app.today, int(day), now)
    if day != agent.today.day:
        _begin_day(agent.today, app.today.day, now)
    turns = _turns(run, event)
    if turns:
        root.turns += turns
        agent.today.turns += turns
        app.today.turns += turns
    if event.input_tokens or event.output_tokens or seen.cost_nusd:  # most calls of tools say nothing of money
        _spend(seen, scope)


def _spend(seen: Observation, scope: Scope) -> None:
    """Add what an event used to all that it belongs to."""
    event, run, root, agent, app = seen.event, scope.run, scope.root, scope.agent, scope.app
    into, out = event.input_tokens or 0, event.output_tokens or 0
    tokens, cost = into + out, seen.cost_nusd
    run.tokens += tokens
    alone = run.tree is root  # its counts are the run's, kept as one object
    root.tokens = run.tokens if alone else root.tokens + tokens
    agent.tokens += tokens
    agent.today.tokens += tokens
    app.today.tokens += tokens
    if cost is None:
        run.unpriced += 1
        root.unpriced += 1
        agent.unpriced += 1
        agent.today.unpriced += 1
        app.today.unpriced += 1
    elif cost:
        run.cost_nusd += cost
        root.cost_nusd = run.cost_nusd if alone else root.cost_nusd + cost
        agent.cost_nusd += cost
        agent.today.cost_nusd += cost
        app.today.cost_nusd += cost


def _begin_day(today: DayTotals, day: int, now: float) -> None:
    today.day, today.since = day, now
    today.turns = today.tokens = today.cost_nusd = today.unpriced = 0


def _turns(run: RunState, event: Event) -> int:
    """Count the event into the run's turns and tell by how many they grew."""
    op = event.op
    if event.status == "held" or op in _NO_TURN:
        return 0
    if op == "execute_tool":
        if event.step is not None and event.step == run.last_step:
            return 0
        run.last_step = -1 if event.step is None else event.step
        run.rounds += 1
        return int(run.rounds > run.chats)
    if op == "compact":
        return 0
    run.chats += 1
    return int(run.chats > run.rounds)


def _to_run(run: RunState, seen: Observation) -> None:
    event = seen.event
    run.events += 1
    run.last = seen.now
    run.last_index = seen.index
    run.ended = event.op == "run_end"
    if event.trigger == "human":
        run.noted().human_at = seen.now
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

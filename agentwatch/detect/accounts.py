"""What each run, tree, agent and app has used: events, turns, tokens, money, and who was seen in it."""

from sys import intern

from agentwatch.detect.state import RunState, Scope
from agentwatch.records import Event, Observation

__all__ = ["account"]

DAY_S = 86400
_MAX_USERS = 8
_MAX_HANDLES = 16
_NO_TURN = frozenset(("heartbeat", "run_start", "run_end"))


def account(seen: Observation, scope: Scope) -> None:
    """Count an event, once, before anything judges it. Duplicates must not come here."""
    event, now, run, agent = seen.event, seen.now, scope.run, scope.agent
    into, out = event.input_tokens or 0, event.output_tokens or 0
    tokens, cost = into + out, seen.cost_nusd or 0
    unpriced = int(seen.cost_nusd is None and tokens > 0)
    turns = _turns(run, event)
    _to_run(run, seen, into, out, cost, unpriced)
    root = scope.root
    root.events += 1
    root.last = now
    root.turns += turns
    root.tokens += tokens
    root.cost_nusd += cost
    root.unpriced += unpriced
    agent.events += 1
    agent.runs += scope.opened
    agent.last = now
    agent.last_index = seen.index
    agent.tokens += tokens
    agent.cost_nusd += cost
    agent.unpriced += unpriced
    if event.epoch is not None:
        agent.epoch = event.epoch
    if event.team and not agent.team:
        agent.team = event.team
    scope.app.events += 1
    day = int(now // DAY_S)
    for today in (agent.today, scope.app.today):
        if day != today.day:
            today.day, today.since = day, now
            today.turns = today.tokens = today.cost_nusd = today.unpriced = 0
        today.turns += turns
        today.tokens += tokens
        today.cost_nusd += cost
        today.unpriced += unpriced


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

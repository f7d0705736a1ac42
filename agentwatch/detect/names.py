"""Equal names kept as one string: of the names that a run holds most are those of its app, its agent or its neighbours.

What is read from a checkpoint has a string for each; as strings take more than what they say, they would be a quarter
of a run's state.
"""

from sys import intern

from agentwatch.detect.state import AppState, RunState

__all__ = ["same_names"]


def same_names(app: AppState, run: RunState) -> None:
    """Let a run that was read into an app, and a tree that hangs on it, hold the names and counts that are there."""
    run.tenant, run.app = app.tenant, app.app
    name = run.run = intern(run.run)  # others that are restored know it, too
    run.team, run.model, run.task = intern(run.team), intern(run.model), intern(run.task)
    run.root = name if run.root == name else intern(run.root)
    run.parent = intern(run.parent)
    agent = app.agents.get(run.agent)
    if agent is None:
        run.agent = intern(run.agent)
    else:
        run.agent = agent.agent
        if agent.run == name:
            agent.run = name
    tree = run.tree
    if tree is not None:
        tree.root, tree.agent, tree.last, tree.started = name, run.agent, run.last, run.started
        tree.tokens, tree.cost_nusd = run.tokens, run.cost_nusd

"""Who hears of something new in a tree of runs: the run itself, those above it, and whom a message is for.

What an agent says again after somebody else did or said something new is an answer to that, not a monologue. What it
says again after others put into other words what they had said before is one, but not by exact repetition.
"""

from collections.abc import Mapping

from agentwatch.detect.state import RunState, Scope
from agentwatch.records import Observation

__all__ = ["NEWS", "heard_of", "spread"]

NEWS = 1 << 16  # what one piece of news counts; a rewording counts 1
ANCESTORS = 16  # generations that are told
ADDRESSEES = 32  # of a tree that are remembered


def spread(seen: Observation, scope: Scope, weight: int = NEWS) -> None:
    """Count one more piece of news, or a rewording, for all who hear of it. Siblings hear only what is sent to them."""
    run = scope.run
    run.news += weight
    if run.parent:
        _tell_ancestors(run, scope.app.runs, weight)
    to_agent = seen.event.to_agent
    if to_agent and to_agent != seen.event.agent:
        told = scope.root.told
        if told is None:
            told = scope.root.told = {}
        if to_agent not in told and len(told) >= ADDRESSEES:
            del told[next(iter(told))]
        told[to_agent] = told.get(to_agent, 0) + weight


def _tell_ancestors(run: RunState, runs: Mapping[str, RunState], weight: int) -> None:
    above = run.parent
    for _ in range(ANCESTORS):
        parent = runs.get(above) if above else None
        if parent is None or parent is run:
            break
        parent.news += weight
        above = parent.parent


def heard_of(scope: Scope) -> int:
    """Count what the event's agent could hear of in its run: `NEWS` for each piece of news, 1 for each rewording."""
    told = scope.root.told
    return scope.run.news + told.get(scope.agent.agent, 0) if told else scope.run.news

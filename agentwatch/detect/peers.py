"""Who can be compared with whom: the agents that were busy enough, with the figures of how they work."""

from collections.abc import Iterator

from agentwatch.detect.cohort import CohortOptions
from agentwatch.detect.population import Population

__all__ = ["manners"]


def manners(population: Population, options: CohortOptions) -> Iterator[tuple[str, str, str, tuple[float, ...]]]:
    """Give tenant, app, agent and features of those agents that were busy enough, the latest first."""
    found = [
        (-agent.last_index, app.tenant, app.app, agent.agent, agent.manner)
        for app in population.apps.values()
        for agent in app.agents.values()
        if agent.manner is not None and agent.events >= options.least_events
    ]
    found.sort(key=lambda one: one[:4])
    for _, tenant, app_name, name, manner in found[: options.most_agents]:
        yield tenant, app_name, name, manner.features()

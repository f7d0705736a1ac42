"""How each agent goes about its work, kept for a comparison with its peers: an annotation, never part of a verdict.

The detector only counts and never gives a signal. Whoever fits a model does so beside the pure path, from `peers`.
"""

from typing import Annotated

from msgspec import Meta, Struct

from agentwatch.detect.against import is_failure
from agentwatch.detect.manner import Manner
from agentwatch.detect.state import Scope
from agentwatch.records import Observation, Signal

__all__ = ["Cohort", "CohortOptions"]

Many = Annotated[int, Meta(ge=1, le=1_000_000)]


class CohortOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """When agents are compared.

    least_events: of an agent, before it counts. least_peers: agents of one app, or else of one tenant, that are a
    cohort. refit_events: events of the partition from one comparison to the next. unlike: score of an isolation forest,
    from 0 to 1 and 0.5 for the usual, from which an agent is told to be unlike its peers. trees and seed: of that
    forest. most_agents: the latest ones that are compared.
    """

    enabled: bool = True
    least_events: Many = 32
    least_peers: Annotated[int, Meta(ge=8, le=10_000)] = 20
    refit_events: Many = 5000
    unlike: Annotated[float, Meta(gt=0.5, le=1.0)] = 0.65
    trees: Annotated[int, Meta(ge=10, le=1000)] = 100
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    most_agents: Many = 10_000


class Cohort:
    """Counts; it never gives a signal."""

    kind = "cohort"
    ops: tuple[str, ...] = ()

    def __init__(self, options: CohortOptions) -> None:
        self.options = options

    def read(self, seen: Observation, state: Scope) -> Signal | None:
        """Say nothing: what peers do is no evidence of a loop."""

    def learn(self, seen: Observation, state: Scope) -> None:
        """Count the event into its agent's manner, once the agent is busy enough to have one."""
        agent = state.agent
        manner = agent.manner
        if manner is None:
            if agent.events < self.options.least_events // 2:
                return
            manner = agent.manner = Manner(seen.now)
        event, reading, said = seen.event, state.reading, state.reading.said
        manner.add(
            seen.now,
            (event.input_tokens or 0) + (event.output_tokens or 0),
            seen.cost_nusd / 1e9 if seen.cost_nusd else 0.0,
            failed=reading.failed if reading.call else is_failure(seen),
            stale=bool(reading.kind) or (said is not None and said.weight > 0.0),
            fresh=reading.novel or (said is not None and said.new),
        )

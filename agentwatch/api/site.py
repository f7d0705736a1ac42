"""What the handlers are given: the ports, the options, the clock, and the streams of this app."""

from collections.abc import Callable
from typing import Any

from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency
from msgspec import Struct

from agentwatch import subject as subjects
from agentwatch.api.auth import Identity
from agentwatch.api.options import ApiOptions
from agentwatch.api.places import Places
from agentwatch.api.rates import Rates
from agentwatch.api.wakes import Wakes
from agentwatch.audited import AuditQueries
from agentwatch.clients import Clients
from agentwatch.ports import (
    AckIntake,
    DeadLetters,
    DecisionQueries,
    FleetQueries,
    IncidentQueries,
    Ingest,
    Operations,
    PartitionQueries,
)
from agentwatch.records import Command
from agentwatch.support import SupportQueries

__all__ = ["ApiPorts", "ApiRequest", "Site", "TheSite"]

ApiRequest = Request[Identity, Any, State]


class ApiPorts(Struct, frozen=True, kw_only=True):
    """All that the API asks of the daemon."""

    fleet: FleetQueries
    decisions: DecisionQueries
    incidents: IncidentQueries
    operations: Operations
    partitions: PartitionQueries
    ingest: Ingest
    acks: AckIntake
    dead: DeadLetters
    clients: Clients
    audit: AuditQueries
    support: SupportQueries


class Site:
    """One app's parts. `clock` gives unix seconds; `new_id` draws the id of a control input."""

    def __init__(
        self,
        ports: ApiPorts,
        options: ApiOptions,
        clock: Callable[[], float],
        ticks: Callable[[], float],
        new_id: Callable[[], str],
        wakes: Wakes,
        sign: Callable[[Command], Command],
    ) -> None:
        self.ports = ports
        self.options = options
        self.clock = clock
        self.new_id = new_id
        self.wakes = wakes
        self.sign = sign
        self.throttles = Rates(options.throttle_per_minute / 60.0, 1, ticks)
        self.decision_places = Places("decisions", options.limits.decision_streams)
        self.command_places = Places("commands", options.limits.command_streams)

    def admits(self, caller: Identity) -> bool:
        """Tell whether a caller that was let in would still be: its token may have ended since."""
        if not caller.digest:
            return True
        found = self.ports.clients.find(caller.digest)
        return found is not None and not found.ended(self.clock())

    def covering(self, agent: str, tenant: str, app: str, run: str, root_run: str, task: str) -> tuple[str, ...]:
        """List the subjects whose command covers this run, with the defaults that events have.

        A run whose root is not named is looked up among the tracked ones: a kill of its tree covers it too.
        """
        tenant = tenant or self.options.default_tenant
        app = app or agent
        run = run or agent
        if not root_run:
            seen = self.ports.fleet.run(subjects.run_subject(tenant, app, run))
            root_run = seen.root_run if seen is not None else run
            task = task or (seen.task if seen is not None else "")
        return subjects.covering(tenant, app, agent, run, root_run, task)


TheSite = NamedDependency[Site]

"""What the control API asks of the running daemon, and what an operator may do."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from msgspec import Struct

from agentwatch import views
from agentwatch.records import AllowEntry, Command, Control, Decision, Incident

__all__ = ["Accepted", "DecisionQueries", "FleetQueries", "IncidentQueries", "Operations", "PartitionQueries"]


class FleetQueries(Protocol):
    """What the daemon knows of agents and runs; answers come from memory and never block."""

    def status(self) -> views.StatusView:
        """Describe the daemon at one glance."""

    def agents(self, tenant: str | None) -> Sequence[views.AgentView]:
        """List the tracked agents, most expensive first."""

    def agent(self, subject: str) -> views.AgentView | None:
        """Show an agent with its signals and runs."""

    def run(self, subject: str) -> views.RunView | None:
        """Show a run with its signals and last steps."""

    def explain(self, subject: str) -> views.Explanation | None:
        """Say why a subject is where it is."""


class DecisionQueries(Protocol):
    """What was decided, what stands, and by which rules."""

    async def decisions(self, wanted: views.DecisionFilter) -> views.Page:
        """List decisions, newest first."""

    async def decision(self, id: str) -> Decision | None:
        """Find one decision in the log."""

    def standing(self, subjects: Sequence[str]) -> Command | None:
        """Tell the hardest unexpired command among those of the given subjects."""

    def rules(self) -> views.RulesView:
        """List the rules in force, with what each matched."""

    def watch(self, after: str = "") -> AsyncIterator[tuple[str, Decision]]:
        """Yield committed decisions with their log position, oldest first, until closed.

        `after`: a log position to continue from, as far back as the log reaches; "" is from now on. `standing` already
        shows what a yielded decision changed. A slow reader loses the oldest, told by a gap in `seq`.
        """


class IncidentQueries(Protocol):
    """What on-call was told of; answers come from memory and never block."""

    def incidents(self, tenant: str, app: str, state: str, before: str, limit: int) -> views.IncidentPage:
        """List incidents, latest opened first; over ones too, as long as they are known. "" fits any. `BadRequest`."""

    def incident(self, id: str) -> Incident | None:
        """Find an incident by its id, open or over; None for one that is not known, or no longer."""

    def silences(self) -> Sequence[AllowEntry]:
        """List whose alerts are held now, oldest first."""


class PartitionQueries(Protocol):
    """Who serves which partition."""

    async def partitions(self) -> Sequence[views.PartitionView]:
        """List every partition, whoever serves it. Raises `StoreUnavailable`."""


class Accepted(Struct, frozen=True, kw_only=True):
    """What became of a control request: the decision it led to, where there is one."""

    control_id: str
    decision: Decision | None = None


class Operations(Protocol):
    """What an operator may do; every call becomes one ordered input of the partition."""

    async def submit(self, control: Control) -> Accepted:
        """Append the control and wait until it is committed. Raises `BadRequest` for what cannot be carried out."""

    def allow_list(self) -> Sequence[AllowEntry]:
        """List the unexpired entries of the allow list."""

    def breakers(self) -> Sequence[views.BreakerView]:
        """List the breakers' states."""

    def approvals(self) -> Sequence[views.ApprovalView]:
        """List what waits for approval, oldest first."""

    def mode(self) -> tuple[str, dict[str, str]]:
        """Tell the global mode and the rules' own modes."""

"""What the core asks of the outside, as Protocols of one to five methods; adapters translate their drivers' errors.

Unless said otherwise a method raises `errors.Unavailable` (its fitting subclass) when the other side does not answer.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol, TypeVar

from msgspec import Struct

from agentwatch import views
from agentwatch.records import (
    Ack,
    AllowEntry,
    Batch,
    Checkpoint,
    Command,
    Commit,
    Control,
    DeadLetter,
    Decision,
    Entry,
    Incident,
    Observation,
    Positions,
    Signal,
)

__all__ = [
    "Accepted",
    "AckIntake",
    "AckSource",
    "ControlIntake",
    "DeadLetters",
    "DecisionLog",
    "DecisionQueries",
    "Detector",
    "Enforcer",
    "EventSource",
    "FleetQueries",
    "IncidentQueries",
    "Ingest",
    "IngestResult",
    "Notifier",
    "Opened",
    "Operations",
    "PartitionQueries",
    "Permitting",
    "SignalBus",
    "Store",
]


class EventSource(Protocol):
    """Where a partition's inputs come from, in order."""

    async def seek(self, positions: Positions) -> None:
        """Continue after these positions, whatever was delivered before."""

    async def read(self, limit: int, block_s: float) -> Batch:
        """Wait up to `block_s` for inputs; an empty batch still carries the tick."""

    async def history(self, after: str, until: str, limit: int) -> Sequence[Entry]:
        """List entries after `after` up to and including `until`, in id order, at most `limit`."""

    async def controls(self, after: str, until: str) -> Sequence[Control]:
        """List the control inputs after `after` up to and including `until`, in order."""


class Opened(Struct, frozen=True, kw_only=True):
    """What a worker gets with a partition: its fencing token, how far commits went, and the last checkpoint."""

    token: int
    committed: Positions
    checkpoint: Checkpoint | None = None


class Store(Protocol):
    """Where commits and checkpoints live. Writes raise `Fenced` once another worker owns the partition."""

    async def open(self) -> Opened:
        """Take the partition: wait until the lease is free, then draw a higher token."""

    async def commit(self, commit: Commit) -> None:
        """Write the whole batch or nothing; decision `seq` lies in the log at `{seq}-0`.

        Writing the same commit again does nothing more, so a commit whose answer was lost can be repeated.
        """

    async def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Publish a new generation, then trim the events stream up to its position."""

    async def renew(self) -> None:
        """Extend the lease."""

    async def close(self) -> None:
        """Give the lease back."""


class DecisionLog(Protocol):
    """The committed log, read by whatever acts on it, and one cursor a reader."""

    async def decisions(self, after: str, limit: int) -> Sequence[tuple[str, Decision]]:
        """List decisions after a log position, oldest first."""

    async def incidents(self, after: str, limit: int) -> Sequence[tuple[str, Incident]]:
        """List incident states after a log position, oldest first."""

    async def cursor(self, sink: str) -> str | None:
        """Tell how far a sink has come; None for a sink never seen."""

    async def move(self, sink: str, position: str) -> None:
        """Record that a sink has confirmed everything up to this position."""

    async def standing(self) -> Sequence[Command]:
        """List the commands whose control keys stand now."""


State_contra = TypeVar("State_contra", contravariant=True)


class Detector(Protocol[State_contra]):
    """One kind of evidence. State is the bank's and is passed in; `read` never changes it.

    A detector may say in `ops` of which events alone it can give a signal, with `of_evidence` that it gives one only
    where the shared reading of the event is evidence of something, and in `learns_from` of which events it learns (not
    said: of all). The history that the shared reading is made of is learnt before any detector learns.
    """

    kind: str

    def read(self, seen: Observation, state: State_contra) -> Signal | None:
        """Judge the event by what was learnt before it."""

    def learn(self, seen: Observation, state: State_contra) -> None:
        """Take the event into the state."""


class SignalBus(Protocol):
    """A way for commands to reach agents."""

    name: str

    async def send(self, command: Command) -> None:
        """Deliver, confirmed by the transport."""

    async def clear(self, subject: str, epoch: int) -> None:
        """Take back what stands for a subject."""


class AckSource(Protocol):
    """Where acknowledgements come from when they do not arrive on the acks stream by themselves."""

    def acks(self) -> AsyncIterator[Ack]:
        """Yield acknowledgements until cancelled."""


class Notifier(Protocol):
    """A receiver of incidents."""

    name: str

    async def notify(self, incident: Incident) -> None:
        """Deliver one state of an incident; the receiver de-duplicates by incident id and seq."""


class Permitting(Protocol):
    """Where kills are reserved whose limit several partitions share."""

    async def publish(self, populations: Mapping[str, int]) -> None:
        """Tell how many runs are active in this partition, by scope."""

    async def reserve(self, subject: str, scopes: Sequence[str]) -> str:
        """Reserve one kill in every scope or in none; says why there is none left, empty where it was reserved."""


class Enforcer(Protocol):
    """Anything outside the agent that can make a command effective."""

    name: str

    async def enforce(self, command: Command, handles: dict[str, str]) -> bool:
        """Carry the command out; False where the handles are not of this enforcer's kind."""


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
        """Find one incident."""


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


class IngestResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one raw event: the stream entry's `id`, or why not (`reason`) and which `field` ("" the whole)."""

    id: str = ""
    reason: str = ""
    field: str = ""


class Ingest(Protocol):
    """The way in for producers without Redis."""

    async def put(self, raw: Sequence[bytes], tenant: str = "", app: str = "") -> Sequence[IngestResult]:
        """Decode each event and append the good ones to their partitions' streams, in order; one result each.

        `raw`: the JSON of one event each, any bytes at all: a bad one is answered by its result, never by an exception,
        and is not written anywhere. `tenant` and `app` are what the sender is bound to ("" = anything): an event that
        names none gets the sender's, one that names another is answered with `field` "tenant" or "app". Raises
        `StoreUnavailable` when not all good ones were certainly written: send the whole again, an `id` counts once.
        """


class AckIntake(Protocol):
    """The way in for acknowledgements over HTTP."""

    async def acknowledge(self, acks: Sequence[Ack]) -> None:
        """Append to the partitions' acks streams, in order."""


class ControlIntake(Protocol):
    """The way in for what operators ask."""

    async def append(self, control: Control) -> None:
        """Append to the controls stream of the partition that the control concerns."""


class DeadLetters(Protocol):
    """The entries that could not be read."""

    async def dead(self, before: str, limit: int) -> Sequence[tuple[str, DeadLetter]]:
        """List dead letters, newest first."""

    async def requeue(self, id: str) -> str:
        """Put the original back on the events stream; returns its new entry id."""

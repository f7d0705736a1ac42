"""What a list is asked for, and the parts that it is answered in."""

from msgspec import Struct

from agentwatch.records import DeadLetter, Decision, Incident, Level

__all__ = ["DeadItem", "DeadPage", "DecisionFilter", "IncidentPage", "Page", "Requeued"]


class DecisionFilter(Struct, frozen=True, kw_only=True):
    """Which decisions are wanted: all given conditions must hold."""

    tenant: str = ""
    subject: str = ""
    agent: str = ""
    level: Level | None = None
    active: bool = False
    before: str = ""
    limit: int = 100


class Page(Struct, frozen=True, kw_only=True):
    """A part of a list of decisions, newest first; `next` is the `before` of the following part."""

    decisions: tuple[Decision, ...]
    next: str = ""


class IncidentPage(Struct, frozen=True, kw_only=True):
    """A part of a list of incidents, latest opened first; `next` is the `before` of the following part."""

    incidents: tuple[Incident, ...]
    next: str = ""


class DeadItem(Struct, frozen=True, kw_only=True):
    """A dead letter and its place in the stream of dead letters."""

    position: str
    letter: DeadLetter


class DeadPage(Struct, frozen=True, kw_only=True):
    """A part of the dead letters, newest first; `next` is the `before` of the following part."""

    items: tuple[DeadItem, ...]
    next: str = ""


class Requeued(Struct, frozen=True, kw_only=True):
    """The original is back on the events stream as `entry`."""

    id: str
    entry: str

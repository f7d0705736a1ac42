"""What the core asks of the outside, as Protocols of one to five methods; adapters translate their drivers' errors.

Unless said otherwise a method raises `errors.Unavailable` (its fitting subclass) when the other side does not answer.
"""

from agentwatch.ports.acting import Enforcer, Notifier, Permitting, SignalBus
from agentwatch.ports.asking import (
    Accepted,
    DecisionQueries,
    FleetQueries,
    IncidentQueries,
    Operations,
    PartitionQueries,
)
from agentwatch.ports.detecting import Detector
from agentwatch.ports.intake import AckIntake, AckSource, ControlIntake, DeadLetters, EventSource, Ingest, IngestResult
from agentwatch.ports.keeping import DecisionLog, Opened, Store

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

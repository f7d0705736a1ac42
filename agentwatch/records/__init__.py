"""The values that travel: frozen, slotted, keyword-only. Nothing here does anything but hold and name.

Money is integer nano-dollars (`*_nusd`), time is unix seconds as float, digests are unsigned 64-bit integers.
"""

from agentwatch.records.commit import Astray, Batch, Checkpoint, Commit, DeadLetter, Entry, Positions, Tick
from agentwatch.records.control import AllowEntry, AuditLine, Control, ControlKind
from agentwatch.records.decision import Ack, AckState, Change, Command, Decision, Origin
from agentwatch.records.event import (
    CANARY_TENANT,
    ChantPrint,
    Count,
    Event,
    FieldPrint,
    Label,
    Name,
    Op,
    PrivatePrints,
    Status,
    Trigger,
)
from agentwatch.records.incident import Incident
from agentwatch.records.judged import Evidence, Level, Observation, Signal, Verdict
from agentwatch.records.ledger import METRICS, LedgerLine, LedgerRow, Metric, line_name, line_of
from agentwatch.records.prints import Fingerprint, Prints, ResultClass

__all__ = [
    "CANARY_TENANT",
    "METRICS",
    "Ack",
    "AckState",
    "AllowEntry",
    "Astray",
    "AuditLine",
    "Batch",
    "Change",
    "ChantPrint",
    "Checkpoint",
    "Command",
    "Commit",
    "Control",
    "ControlKind",
    "Count",
    "DeadLetter",
    "Decision",
    "Entry",
    "Event",
    "Evidence",
    "FieldPrint",
    "Fingerprint",
    "Incident",
    "Label",
    "LedgerLine",
    "LedgerRow",
    "Level",
    "Metric",
    "Name",
    "Observation",
    "Op",
    "Origin",
    "Positions",
    "Prints",
    "PrivatePrints",
    "ResultClass",
    "Signal",
    "Status",
    "Tick",
    "Trigger",
    "Verdict",
    "line_name",
    "line_of",
]

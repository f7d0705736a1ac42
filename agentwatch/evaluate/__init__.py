"""The bench of record: how good the verdicts are on recorded runs that somebody labelled (docs/evaluation.md)."""

from agentwatch.evaluate.intervals import Bootstrap
from agentwatch.evaluate.judging import Moment, Moments
from agentwatch.evaluate.labels import Label, labels_from_rows, place, read_labels
from agentwatch.evaluate.report import Report, evaluate
from agentwatch.evaluate.tables import report_tables, to_markdown, to_text

__all__ = [
    "Bootstrap",
    "Label",
    "Moment",
    "Moments",
    "Report",
    "evaluate",
    "labels_from_rows",
    "place",
    "read_labels",
    "report_tables",
    "to_markdown",
    "to_text",
]

"""What is true of recorded runs: a table of labels, and where in its run each event lies."""

import csv
from collections.abc import Iterable, Mapping

from msgspec import Struct

from agentwatch.errors import BadInput

__all__ = ["INTERCODE", "Label", "labels_from_rows", "place", "read_labels"]

INTERCODE = "intercode"


class Label(Struct, frozen=True, kw_only=True):
    """What a reader said of one run. onset: position within the run, -1 for a benign one."""

    run: str
    source: str = ""
    loop: bool
    onset: int = -1
    shape: str = ""
    reason: str = ""


def read_labels(lines: Iterable[str], name: str = "labels") -> list[Label]:
    """Read a CSV table of labels, header first. Raises `BadInput` naming `name` and the line."""
    table = csv.DictReader(lines, strict=True)
    labels: dict[str, Label] = {}
    try:
        for row in table:
            label = _label(row, f"{name}: line {table.line_num}")
            if label.run in labels:
                raise BadInput(f"run {label.run!r} has a label already", f"{name}: line {table.line_num}")
            labels[label.run] = label
    except csv.Error as error:
        raise BadInput(f"is no CSV table: {error}", f"{name}: line {table.line_num + 1}") from error
    return list(labels.values())


def labels_from_rows(rows: Iterable[Mapping[str, str]]) -> list[Label]:
    """Read rows of a table (run, source, label, onset, shape, reason). Raises `BadInput` naming the row, from 2 on."""
    return [_label(row, f"row {number}") for number, row in enumerate(rows, 2)]


def _label(row: Mapping[str, str], where: str) -> Label:
    run, said = row.get("run") or "", row.get("label") or ""
    if not run or said not in ("loop", "benign"):
        raise BadInput("a label is `loop` or `benign`, of a named run", where)
    onset = row.get("onset") or ""
    if onset and not (onset.isascii() and onset.isdigit()):
        raise BadInput(f"onset {onset!r} is not a position", where)
    if said == "loop" and not onset:
        raise BadInput(f"loop {run!r} has no onset: the position in the run of the first event that repeats", where)
    return Label(
        run=run,
        source=row.get("source") or "",
        loop=said == "loop",
        onset=int(onset) if said == "loop" else -1,
        shape=row.get("shape") or "",
        reason=row.get("reason") or "",
    )


def place(runs: Iterable[str]) -> list[tuple[str, int]]:
    """Give each event of an input, told by its run, that run and the event's position within it."""
    lengths: dict[str, int] = {}
    placed = []
    for run in runs:
        placed.append((run, lengths.get(run, 0)))
        lengths[run] = placed[-1][1] + 1
    return placed

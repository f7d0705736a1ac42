"""How good the verdicts are: scores a replay's changes against labels.

A loop is found by the first rise to the level asked about (or beyond) at or after its onset less one, where the onset
is the position within the run of the first event that repeats with nothing new. A rise before that is a false alarm on
it, found or not.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

import msgspec
from msgspec import Struct

from agentwatch.errors import BadInput
from agentwatch.records import Level

__all__ = ["Label", "Miss", "Report", "Score", "evaluate", "labels_from_rows", "place", "render"]

INTERCODE = "intercode"


class Label(Struct, frozen=True, kw_only=True):
    """What a reader said of one run. onset: position within the run, -1 for a benign one."""

    run: str
    source: str = ""
    loop: bool
    onset: int = -1
    shape: str = ""
    reason: str = ""


class Score(Struct, frozen=True, kw_only=True):
    """Counts and rates of one group of runs at one level.

    early: loops with a rise before their onset; they are among the false alarms. Delays are in events of the run after
    the onset.
    """

    loops: int = 0
    benign: int = 0
    found: int = 0
    early: int = 0
    false_alarms: int = 0
    precision: float = 0.0
    recall: float = 0.0
    f1: float = 0.0
    delay_median: float | None = None
    delay_p90: float | None = None


class Miss(Struct, frozen=True, kw_only=True):
    """One run that was judged wrongly, in a line. what: `missed`, `early` or `false_alarm`."""

    what: str
    at: str
    run: str
    source: str = ""
    shape: str = ""
    kind: str = ""
    position: int = -1
    onset: int = -1
    reason: str = ""


class Report(Struct, frozen=True, kw_only=True):
    """Everything about one replay: scores by level, then by level and group, and the runs that went wrong."""

    runs: int
    events: int
    benign_warned: int
    benign_killed: int
    warn: Score
    kill: Score
    groups: dict[str, dict[str, Score]]
    wrong: tuple[Miss, ...]
    unlabelled: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Give the report as plain values for JSON."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


class _Rise(Struct, frozen=True):
    """A rise of a run to a level: where in the run, by which detector, and why."""

    position: int
    kind: str
    reason: str


Rises = dict[str, list[_Rise]]


def labels_from_rows(rows: Iterable[Mapping[str, str]]) -> list[Label]:
    """Read the rows of a labels table (run, source, label, onset, shape, reason). Raises `BadInput` naming the row."""
    labels = []
    for number, row in enumerate(rows, 2):
        run, said = row.get("run") or "", row.get("label") or ""
        if not run or said not in ("loop", "benign"):
            raise BadInput("a label is `loop` or `benign`, of a named run", f"row {number}")
        onset = row.get("onset") or ""
        if onset and not onset.isdigit():
            raise BadInput(f"onset {onset!r} is not a position", f"row {number}")
        labels.append(
            Label(
                run=run,
                source=row.get("source") or "",
                loop=said == "loop",
                onset=int(onset) if onset and said == "loop" else -1 if said == "benign" else 0,
                shape=row.get("shape") or "",
                reason=row.get("reason") or "",
            )
        )
    return labels


def place(runs: Iterable[str]) -> list[tuple[str, int]]:
    """Give each event of an input, told by its run, that run and the event's position within it."""
    lengths: dict[str, int] = {}
    placed = []
    for run in runs:
        placed.append((run, lengths.get(run, 0)))
        lengths[run] = placed[-1][1] + 1
    return placed


def evaluate(
    changes: Iterable[Mapping[str, Any]], placed: Sequence[tuple[str, int]], labels: Sequence[Label]
) -> Report:
    """Score the changes of a replay.

    changes: its lines (with `index`, `change`, `level`, `kind`, `reason`, `run`). placed: for each event of the input
    its run and its position within that run. labels: what is true; runs without one are counted and left out.
    """
    listed = list(changes)
    rises = {level: _rises(listed, placed, level) for level in (Level.warn, Level.kill)}
    groups: dict[str, list[Label]] = {}
    for label in labels:
        for name in _groups_of(label):
            groups.setdefault(name, []).append(label)
    known = {label.run for label in labels}
    return Report(
        runs=len(labels),
        events=len(placed),
        benign_warned=sum(1 for one in labels if not one.loop and one.run in rises[Level.warn]),
        benign_killed=sum(1 for one in labels if not one.loop and one.run in rises[Level.kill]),
        warn=_score(labels, rises[Level.warn]),
        kill=_score(labels, rises[Level.kill]),
        groups={
            name: {level.name: _score(some, rises[level]) for level in (Level.warn, Level.kill)}
            for name, some in sorted(groups.items())
        },
        wrong=tuple(miss for level in (Level.warn, Level.kill) for miss in _wrong(labels, rises[level], level)),
        unlabelled=len({run for run, _ in placed} - known),
    )


def _groups_of(label: Label) -> Iterable[str]:
    yield f"set:{INTERCODE}" if INTERCODE in label.source.lower() else "set:other"
    yield f"source:{label.source}"
    if label.loop:
        yield f"shape:{label.shape or 'unnamed'}"


def _rises(changes: Sequence[Mapping[str, Any]], placed: Sequence[tuple[str, int]], level: Level) -> Rises:
    """List each run's rises to a level or beyond, on whatever subject, by the events that caused them."""
    found: Rises = {}
    for change in changes:
        if change.get("change") != "up" or Level[str(change["level"])] < level:
            continue
        index = int(change["index"])
        if not 0 <= index < len(placed):
            raise BadInput(f"index {index} is beyond the events", "changes")
        run, position = placed[index]
        found.setdefault(run, []).append(_Rise(position, str(change.get("kind", "")), str(change.get("reason", ""))))
    return found


def _split(label: Label, rises: Rises) -> tuple[_Rise | None, _Rise | None]:
    """Give the first rise that is too early, and the first that is not; for a benign run every rise is too early."""
    mine = rises.get(label.run, ())
    if not label.loop:
        return (mine[0] if mine else None), None
    early = next((rise for rise in mine if rise.position < label.onset - 1), None)
    return early, next((rise for rise in mine if rise.position >= label.onset - 1), None)


def _score(labels: Sequence[Label], rises: Rises) -> Score:
    judged = [(one, *_split(one, rises)) for one in labels]
    loops = [(one, early, late) for one, early, late in judged if one.loop]
    delays = sorted(max(0, late.position - one.onset) for one, _, late in loops if late is not None)
    early_on_loops = sum(1 for _, early, _ in loops if early is not None)
    false_alarms = sum(1 for _, early, _ in judged if early is not None)
    found = len(delays)
    precision = found / (found + false_alarms) if found + false_alarms else 0.0
    recall = found / len(loops) if loops else 0.0
    return Score(
        loops=len(loops),
        benign=len(labels) - len(loops),
        found=found,
        early=early_on_loops,
        false_alarms=false_alarms,
        precision=round(precision, 4),
        recall=round(recall, 4),
        f1=round(2 * precision * recall / (precision + recall), 4) if precision + recall else 0.0,
        delay_median=float(median(delays)) if delays else None,
        delay_p90=float(delays[math.ceil(0.9 * found) - 1]) if delays else None,
    )


def _wrong(labels: Sequence[Label], rises: Rises, level: Level) -> Iterable[Miss]:
    for one in labels:
        early, late = _split(one, rises)
        if early is not None:
            yield _miss("early" if one.loop else "false_alarm", level, one, early)
        if one.loop and late is None:
            yield _miss("missed", level, one, _Rise(-1, "", one.reason))


def _miss(what: str, level: Level, label: Label, rise: _Rise) -> Miss:
    return Miss(
        what=what,
        at=level.name,
        run=label.run,
        source=label.source,
        shape=label.shape,
        kind=rise.kind,
        position=rise.position,
        onset=label.onset,
        reason=rise.reason,
    )


def render(report: Report) -> str:
    """Lay the report out as a plain table, with the wrongly judged runs below it."""
    head = ("group", "at", "loops", "found", "recall", "precision", "f1", "benign", "false", "early", "delay", "p90")
    rows = [("all", "warn", report.warn), ("all", "kill", report.kill)]
    rows += [(name, at, score) for name, scores in report.groups.items() for at, score in scores.items()]
    cells = [head, *(_cells(*row) for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    lines.append(f"benign runs warned {report.benign_warned}, killed {report.benign_killed}; {report.events} events")
    lines += [_line(miss) for miss in report.wrong]
    return "\n".join(lines)


def _cells(name: str, at: str, score: Score) -> tuple[str, ...]:
    counts = (score.loops, score.found, score.recall, score.precision, score.f1)
    rest = (score.benign, score.false_alarms, score.early, score.delay_median, score.delay_p90)
    return (
        name,
        at,
        *("-" if one is None else f"{one:.3f}" if isinstance(one, float) else str(one) for one in counts),
        *("-" if one is None else f"{one:g}" for one in rest),
    )


def _line(miss: Miss) -> str:
    where = f"at {miss.position}" if miss.position >= 0 else "never"
    onset = f", onset {miss.onset}" if miss.onset >= 0 else ""
    return f"{miss.at} {miss.what}: {miss.run} {where}{onset} {miss.kind or miss.shape}: {miss.reason}"

"""A report as tables, whichever way they are shown afterwards: as aligned text or as Markdown."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from agentwatch.counting import counted
from agentwatch.evaluate.confusion import Miss
from agentwatch.evaluate.intervals import Interval
from agentwatch.evaluate.report import LEVELS, Report
from agentwatch.evaluate.scoring import Score

__all__ = ["Table", "percent", "report_tables", "to_markdown", "to_text"]

_GROUPS = (
    ("By set", "set"),
    ("By source", "source"),
    ("By shape of the loop", "shape"),
    ("By the detector that was first to say it", "detector"),
)
_HEAD = ("recall", "precision", "f1", "benign", "false", "rate", "early", "delay", "p90", "seconds", "dollars")


class Table(Struct, frozen=True):
    """A title, the names of the columns, rows of cells, and lines below them."""

    title: str
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()


def report_tables(report: Report) -> list[Table]:
    """Lay a report out: all runs at each level, each kind of group, and the runs that were judged wrongly."""
    levels = [("all", level.name, report.at(level.name)) for level in LEVELS]
    notes = (
        f"benign runs warned {report.benign_warned}, killed {report.benign_killed}; "
        f"{counted(report.events, 'event')} of {counted(report.runs, 'labelled run')}",
        *_strangers(report),
    )
    tables = [_scores("At each level", levels, notes)]
    for title, prefix in _GROUPS:
        rows = _group_rows(report.groups, prefix)
        if rows:
            tables.append(_scores(title, rows, ()))
    tables.append(_wrong(report))
    return tables


def _strangers(report: Report) -> Iterable[str]:
    for what, runs in (
        ("runs of the events have no label and are left out", report.unlabelled_runs),
        ("labelled runs are not in the events and are left out", report.missing),
        ("loops have their onset beyond their events", report.short),
    ):
        if runs:
            more = f" and {len(runs) - 5} more" if len(runs) > 5 else ""
            yield f"{len(runs)} {what}: {', '.join(runs[:5])}{more}"


def _group_rows(groups: Mapping[str, Mapping[str, Score]], prefix: str) -> list[tuple[str, str, Score]]:
    """Give each group at each level at which it has anything to tell; at warn always."""
    rows = []
    for name, scores in groups.items():
        kind, _, rest = name.partition(":")
        if kind == prefix:
            rows += [
                (rest or "unnamed", at, one)
                for at, one in scores.items()
                if at == "warn" or one.found or one.false_alarms
            ]
    return rows


def _scores(title: str, rows: Sequence[tuple[str, str, Score]], notes: tuple[str, ...]) -> Table:
    cells = tuple(_cells(name, at, one) for name, at, one in rows)
    return Table(title, ("group", "at", "loops", "found", *_HEAD), cells, notes)


def _cells(name: str, at: str, one: Score) -> tuple[str, ...]:
    between = one.between
    loops = one.loops > 0
    return (
        name,
        at,
        str(one.loops),
        str(one.found),
        _rate(one.recall, between.get("recall"), shown=loops),
        _rate(one.precision, between.get("precision"), shown=one.found + one.false_alarms > 0),
        _rate(one.f1, between.get("f1"), shown=loops),
        str(one.benign),
        str(one.false_alarms),
        _rate(one.false_alarm_rate, between.get("false_alarm_rate"), shown=one.benign > 0),
        str(one.early),
        _figure(one.delay_median, between.get("delay_median")),
        _figure(one.delay_p90, None),
        _figure(one.delay_s_median, between.get("delay_s_median")),
        _figure(one.delay_usd_median, between.get("delay_usd_median")),
    )


def _rate(value: float, between: Interval | None, *, shown: bool) -> str:
    if not shown:
        return "-"
    return f"{value:.3f}" + (f" ({between[0]:.3f}-{between[1]:.3f})" if between is not None else "")


def _figure(value: float | None, between: Interval | None) -> str:
    if value is None:
        return "-"
    return f"{value:g}" + (f" ({between[0]:g}-{between[1]:g})" if between is not None else "")


def percent(part: int, of: int) -> str:
    """Put a share as per cent, or a dash where there is nothing to share."""
    return f"{part / of:.1%}" if of else "-"


def _wrong(report: Report) -> Table:
    """Name what was judged wrongly at warn, and at harder levels all but the loops that stayed below."""
    shown = [miss for miss in report.wrong if miss.at == "warn" or miss.what != "missed"]
    return Table("Judged wrongly", notes=tuple(_line(miss) for miss in shown) or ("nothing",))


def _line(miss: Miss) -> str:
    where = f"at {miss.position}" if miss.position >= 0 else "never"
    onset = f", onset {miss.onset}" if miss.onset >= 0 else ""
    why = f". Why: {miss.why}" if miss.why else ""
    return f"{miss.at} {miss.what}: {miss.run} {where}{onset} {miss.kind or miss.shape}: {miss.reason}{why}"


def to_text(tables: Iterable[Table]) -> str:
    """Lay tables out for a terminal, columns aligned."""
    return "\n\n".join("\n".join(_text(table)) for table in tables)


def _text(table: Table) -> Iterable[str]:
    yield table.title
    if table.rows:
        lines = (table.head, *table.rows)
        widths = [max(len(row[at]) for row in lines) for at in range(len(table.head))]
        for row in lines:
            yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield from table.notes


def to_markdown(tables: Iterable[Table]) -> str:
    """Lay tables out as Markdown, a heading each."""
    return "\n\n".join("\n".join(_markdown(table)) for table in tables)


def _markdown(table: Table) -> Iterable[str]:
    yield f"### {table.title}"
    if table.rows:
        yield ""
        for row in (table.head, ("---",) * len(table.head), *table.rows):
            yield "| " + " | ".join(_escape(cell) for cell in row) + " |"
    if table.notes:
        yield ""
        yield from (f"- {_escape(note)}" for note in table.notes)


def _escape(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")

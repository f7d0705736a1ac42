"""Data agents: they query databases and fill reports."""

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.places.workplace import Workplace
from agentwatch.testing.scenarios.writer import Writer

__all__ = ["DATA", "rows"]

_APPS = ("bi-assistant", "sql-agent", "reporting")
_AGENTS = ("analyst", "sql", "reporter")


def rows(w: Writer, count: int) -> str:
    """Write the rows of a query's answer."""
    head = f"{w.noun()} | {w.noun()} | {w.noun()} | {w.noun()}"
    body = "\n".join(
        f"{w.company()} | {w.adjective()} {w.noun()} | {w.place()} | {w.number(1, 99999)}.{w.number(0, 99):02d}"
        for _ in range(count)
    )
    return f"{head}\n{body}\n({count} rows)"


def _select(w: Writer, columns: str, where: str, table: str = "") -> str:
    """Write a query; nobody runs it."""
    return " ".join(("SELECT", columns, "FROM", table or f"{w.noun()}_{w.noun()}", "WHERE", where))


def _task(w: Writer) -> str:
    asked = f"Which {w.noun()} of {w.company()} {w.verb()} most in {w.place()} in {w.number(2015, 2026)}"
    return f"{asked}, by {w.noun()} and {w.noun()}? Use the {w.noun()} tables."


def _work(w: Writer) -> Call:
    kind = w.number(0, 2)
    if kind == 0:
        table = f"{w.noun()}_{w.noun()}"
        columns = "\n".join(
            f"{w.noun()}_{w.noun()} {w.one(('text', 'integer', 'numeric(12,2)', 'timestamptz'))}"
            for _ in range(w.number(4, 12))
        )
        return Call(tool="describe_table", arguments={"table": table}, result=columns)
    where = f"{w.noun()}_{w.noun()} = '{w.place()}' AND {w.noun()} > {w.number(1, 900)} GROUP BY 1, 2"
    select = _select(w, f"{w.noun()}, {w.noun()}, sum({w.noun()}_{w.noun()})", where)
    return Call(tool="run_sql", arguments={"query": select}, result=rows(w, w.number(3, 14)))


def _lookup(w: Writer) -> Call:
    select = _select(w, "*", f"{w.noun()} = '{w.adjective()}' ORDER BY {w.noun()} LIMIT 10")
    return Call(tool="run_sql", arguments={"query": select, "database": w.noun()}, result=rows(w, w.number(4, 10)))


def _nothing(w: Writer) -> Call:
    select = _select(w, w.noun(), f"{w.noun()} = '{w.person()}'")
    return Call(
        tool="run_sql",
        arguments={"query": select},
        result=w.one(("(0 rows)", "[]", "Empty set")),
        status=w.one(("ok", "empty")),
    )


def _broken(w: Writer) -> Call:
    column, table = f"{w.noun()}_{w.noun()}", f"{w.noun()}_{w.noun()}"
    error = w.one(
        (
            f'ERROR: column "{column}" does not exist',
            f'ERROR: relation "{table}" does not exist',
            f"ERROR: permission denied for table {table}",
        )
    )
    return Call(
        tool="run_sql",
        arguments={"query": _select(w, column, f"{w.noun()} IS NOT NULL", table)},
        result=error,
        status="error",
        error="UndefinedColumn",
    )


def _minor(w: Writer) -> Call:
    return Call(tool="run_sql", arguments={"query": f"SET search_path TO {w.noun()}_{w.noun()}"}, result="SET")


DATA = Workplace("data", _APPS, _AGENTS, _task, _work, _lookup, _nothing, _broken, _minor)

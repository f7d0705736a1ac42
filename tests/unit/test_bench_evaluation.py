"""The page of results is written between its marks, and holds results."""

import pytest

from agentwatch.evaluate import Label, evaluate, place
from agentwatch.evaluate.intervals import Bootstrap
from bench.evaluation_page import PAGE, between, groups, levels, marked, scenarios, wrong

LABELS = [
    *(Label(run=f"l{at}", source="intercode-x" if at else "tau", loop=True, onset=2, reason="so") for at in range(6)),
    *(Label(run=f"b{at}", source="tau", loop=False) for at in range(6)),
]
PLACED = place(label.run for label in LABELS for _ in range(5))


def rise(at, kind="repeat"):
    return {"index": at, "change": "up", "level": "warn", "kind": kind, "reason": "because"}


@pytest.fixture(scope="module")
def report():
    return evaluate([rise(at * 5 + 3) for at in range(5)] + [rise(31)], PLACED, LABELS, bootstrap=Bootstrap(samples=50))


def test_what_stands_between_two_marks_is_replaced():
    page = "before\n<!-- x -->\nold\n<!-- /x -->\nafter\n"
    assert marked(page, "x", r"new \1") == "before\n<!-- x -->\nnew \\1\n<!-- /x -->\nafter\n"
    with pytest.raises(SystemExit, match="no marks"):
        marked(page, "y", "new")


def test_the_page_holds_results():
    page = PAGE.read_text("utf-8")
    for name, columns in (("recorded", "| runs | at | found |"), ("scenarios", "| without | is | found |")):
        start, _, rest = page.partition(f"<!-- {name} -->")
        assert columns in rest.partition(f"<!-- /{name} -->")[0]
        assert start


def test_tables_hold_what_the_report_says(report):
    rows = levels(report).rows
    assert rows[0][:4] == ("all", "warn", "5 of 6", between(report.warn, "recall"))
    assert [row[0] for row in rows[::4]] == ["all", "intercode", "other"]
    assert rows[3][4] == "-"  # nothing was killed, so precision is a share of nothing
    assert groups(report, "source", "").rows == (
        ("intercode-x", "4 of 5", between(report.groups["source:intercode-x"]["warn"], "recall"), "-", "0", "1", "0"),
        ("tau", "1 of 1", between(report.groups["source:tau"]["warn"], "recall"), "1 of 6", "0", "1", "0"),
    )
    missed, accused = wrong(report)
    assert [row[:3] for row in missed.rows] == [("l5", "2", "so")]
    assert [row[:4] for row in accused.rows] == [("b0", "1", "benign", "repeat")]


def test_only_a_part_without_which_no_figure_changes_is_named_idle():
    base = {"without": "nothing", "found": 9, "killed": 5, "lost": 0, "accused": 0, "newly": 0, "wrongly killed": 0}
    rows = [base, {**base, "without": "kills", "killed": 4}, {**base, "without": "idle"}]
    table = scenarios(rows, 9, 3)
    assert [row[0] for row in table.rows] == ["nothing", "kills"]
    assert table.notes == ("Without any one of these nothing changes: idle.",)

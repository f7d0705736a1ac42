"""The labelled traces of real agents, through the shipped rules: what is found, and that nobody innocent is stopped."""

import gzip
from pathlib import Path

import pytest

from agentwatch.config import Config
from agentwatch.evaluate import Moments, evaluate, read_labels, report_tables, to_text
from agentwatch.evaluate.floor import below, decode_floor
from agentwatch.evaluate.recording import record
from agentwatch.service.composing import make_rulebook

ROOT = Path(__file__).parents[2]
TRACES = ROOT.parent / "shared" / "traces"
FLOOR = ROOT / "bench" / "traces-floor.json"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.traces,
    pytest.mark.skipif(not TRACES.is_dir(), reason="the labelled traces are not beside this checkout"),
]


@pytest.fixture(scope="module")
def report():
    with gzip.open(TRACES / "events.jsonl.gz") as file:
        lines = [line.rstrip(b"\n") for line in file]
    with (TRACES / "labels.csv").open(newline="", encoding="utf-8") as table:
        labels = read_labels(table)
    config = Config()
    told = []
    got = record(config, make_rulebook(config, {}), enumerate(lines, 1), probe=True, tell=told.append)
    assert told == []
    moments = Moments.given(got.placed, got.moments)
    return evaluate(got.changes, got.placed, labels, moments=moments, heard=got.heard)


def test_no_figure_is_worse_than_the_floor(report):
    floor = decode_floor(FLOOR.read_bytes(), str(FLOOR))
    assert below(report, floor) == [], to_text(report_tables(report))


def test_the_floor_is_what_was_promised():
    floor = decode_floor(FLOOR.read_bytes(), str(FLOOR))
    assert floor.found_warn >= 0.94 * floor.loops
    assert floor.benign_warned <= 0.01 * floor.benign
    assert floor.benign_killed == 0
    assert floor.delay_median <= 4


def test_labels_and_events_are_of_the_same_runs(report):
    assert (report.missing, report.unlabelled_runs, report.short) == ((), (), ())


def test_every_run_that_is_judged_wrongly_is_named_with_why(report):
    at_warn = [miss for miss in report.wrong if miss.at == "warn"]
    assert sum(miss.what == "missed" for miss in at_warn) == report.warn.loops - report.warn.found
    assert all(miss.run and miss.reason and miss.why for miss in at_warn)

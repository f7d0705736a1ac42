"""The labelled traces of real agents, through the shipped rules: what is found, and that nobody innocent is stopped."""

import csv
import gzip
from pathlib import Path

import msgspec
import pytest

from agentwatch.config import Config
from agentwatch.evaluate import evaluate, labels_from_rows, place, render
from agentwatch.service.composing import make_rulebook
from agentwatch.service.replaying import Replay, change_line

TRACES = Path(__file__).parents[3] / "shared" / "traces"

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
        labels = labels_from_rows(csv.DictReader(table))
    config = Config()
    replay = Replay(config, make_rulebook(config, {}))
    changes = [change_line(decision) for decision in replay.changes(enumerate(lines, 1))]
    assert replay.malformed == []
    return evaluate(changes, place(msgspec.json.decode(line)["run"] for line in lines), labels)


def test_no_innocent_run_is_killed_and_at_most_one_in_a_hundred_is_warned(report):
    assert report.benign_killed == 0, render(report)
    assert report.benign_warned <= 0.01 * report.warn.benign, render(report)


def test_at_least_88_of_100_loops_are_found_soon(report):
    assert report.warn.recall >= 0.88, render(report)
    assert report.warn.delay_median <= 5, render(report)


def test_every_loop_that_is_missed_is_named(report):
    missed = [miss for miss in report.wrong if miss.at == "warn" and miss.what == "missed"]
    assert len(missed) == report.warn.loops - report.warn.found
    assert all(miss.run and miss.reason for miss in missed)

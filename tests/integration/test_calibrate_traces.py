"""Calibration on real, labelled runs: what it promises holds on the half that it did not see."""

import csv
import gzip
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest

from agentwatch.calibrate import Calibration, calibrate, check, policy_text, score_runs, within
from agentwatch.config import Config
from agentwatch.policy.rules import DEFAULT_RULE
from agentwatch.service.composing import make_rulebook

TRACES = Path(__file__).parents[3] / "shared" / "traces"
# Far too strict on purpose: the shipped thresholds accuse none of these runs.
STRICT = b"[defaults.detectors]\n" + b"".join(
    b"%s.warn = 1.2\n" % kind for kind in (b"repeat", b"stagnation", b"failure", b"monologue", b"paraphrase")
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.traces,
    pytest.mark.skipif(not TRACES.is_dir(), reason="the labelled traces are not beside this checkout"),
]


@pytest.fixture(scope="module")
def good() -> list[tuple[int, bytes]]:
    with (TRACES / "labels.csv").open(newline="", encoding="utf-8") as table:
        benign = {row["run"] for row in csv.DictReader(table) if row["label"] == "benign"}
    with gzip.open(TRACES / "events.jsonl.gz") as file:
        return [(at, line) for at, line in enumerate(file, 1) if msgspec.json.decode(line)["run"] in benign]


def calibrated(good: list[tuple[int, bytes]], policy: bytes, seed: int) -> Calibration:
    config = Config()
    files = {"10.toml": policy}
    book = make_rulebook(config, files)
    options = book.get(DEFAULT_RULE).detect
    scored = score_runs(config, options, lambda: good, False, lambda _: None)
    found = calibrate(scored, options, Fraction("0.01"), seed, False)
    fresh = make_rulebook(config, {**files, "20.toml": policy_text(found, 0.0, ["good"]).encode()})
    return check(config, book, fresh, lambda: good, scored, found)


@pytest.mark.parametrize("seed", [0, 1])
def test_thresholds_that_are_too_strict_are_brought_to_the_rate(good: list[tuple[int, bytes]], seed: int) -> None:
    found = calibrated(good, STRICT, seed)
    assert found.before > 2
    assert found.checked < found.before
    assert within(found.checked, found.split.check)[0] <= 0.01
    assert {one.kind for one in found.changed} >= {"repeat", "stagnation"}


def test_the_shipped_thresholds_keep_to_the_rate_as_they_are(good: list[tuple[int, bytes]]) -> None:
    found = calibrated(good, b"version = 1\n", 0)
    assert (found.changed, found.before, found.checked) == ((), 0, 0)

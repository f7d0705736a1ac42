"""`calibrate`: scores that say where a detector stops speaking, files that are valid policy, and refusals."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agentwatch.calibrate import divide, score_runs
from agentwatch.calibrate.scoring import CALIBRATED
from agentwatch.cli.root import call
from agentwatch.config import Config
from agentwatch.detect.options import DetectOptions, merge
from agentwatch.policy.rules import DEFAULT_RULE, Policy, Rule
from agentwatch.records import Event
from agentwatch.rulebook import RuleBook
from agentwatch.service.replaying import Replay
from agentwatch.service.witness import Witness
from agentwatch.testing import LOOPS, Trace

LOW = "[defaults.detectors]\nrepeat.warn = 1.2\nfailure.warn = 1.2\nmonologue.warn = 1.2\n"


def lines_of(events: list[Event]) -> list[tuple[int, bytes]]:
    return [(at + 1, msgspec.json.encode(event)) for at, event in enumerate(events)]


def spoke(events: list[Event], options: DetectOptions) -> set[str]:
    """Name the detectors that say anything, with nothing ever decided."""
    kinds: set[str] = set()
    config = Config()
    bank = Witness(config.state, lambda _, signals: kinds.update(one.kind for one in signals if one.strength >= 1.0))
    book = RuleBook(Policy([], Rule(name=DEFAULT_RULE, actions=())), options, config.ladder)
    for _ in Replay(config, book, bank=bank).decisions(lines_of(events)):
        pass
    return kinds


@pytest.mark.parametrize("shape", sorted(LOOPS))
def test_a_score_is_where_the_detector_stops_speaking(shape: str) -> None:
    events = LOOPS[shape]()
    options = DetectOptions()
    scored = score_runs(Config(), options, lambda: lines_of(events), False, lambda _: None)
    reached: dict[str, float] = {}
    for run in scored.runs.values():
        for kind, score in run.reached.items():
            reached[kind] = max(score, reached.get(kind, 0.0))
    assert set(reached) >= spoke(events, options) & set(CALIBRATED)
    for kind, score in reached.items():
        name = CALIBRATED[kind]
        above: float = int(score) + 1 if name != "warn" else score * 1.001
        assert kind not in spoke(events, merge(options, {kind: {name: above}}))
        if name == "warn":
            below = max(score * 0.999, getattr(getattr(options, kind), name))
            assert kind in spoke(events, merge(options, {kind: {name: below}}))


def run_of(number: int, repeats: int) -> list[Event]:
    """A run that reads the same thing a few times over before it goes on to something else."""
    trace = Trace(run=f"run-{number:03}", agent=f"agent-{number:03}", app=f"app-{number:03}")
    for at in range(4):
        trace.call("look", {"page": at}, f"page {at} of the report says {number * 31 + at * 7}, which is new")
    for _ in range(repeats):
        trace.call("read_file", {"path": "a.txt"}, "the same thing again and again")
    return trace.events


def written(path: Path, repeats: dict[int, int]) -> str:
    events = [event for number, count in repeats.items() for event in run_of(number, count)]
    path.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in events))
    return str(path)


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = call(["calibrate", *arguments, "-o", "json"])
    return code, json.loads(capsys.readouterr().out)


def test_thresholds_rise_above_what_good_runs_reach_and_the_file_is_a_policy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = written(tmp_path / "good.jsonl", {number: 1 + number % 4 for number in range(60)})
    out = tmp_path / "50-calibrated.toml"
    low = tmp_path / "10-low.toml"
    low.write_text(LOW)
    code, found = asked(capsys, good, "--rate", "0.1", "-p", str(low), "--out", str(out))
    assert code == 0
    calibration = found["calibration"]
    assert calibration["split"] == {"shape": 10, "calibrate": 20, "check": 30}
    assert (calibration["runs"], calibration["rank"], calibration["before"]) == (60, 19, 12)
    assert calibration["checked"] <= 3
    changed = {one["kind"]: one for one in calibration["thresholds"] if one["now"] != one["was"]}
    assert changed["repeat"]["now"] > changed["repeat"]["was"] == 1.2
    assert changed["repeat"]["kill"]["kill"] >= 9.0
    assert out.read_text() == found["policy"]
    assert call(["rules", "check", str(low), str(out)]) == 0
    for words in ("60 good runs", "seed 0", "rate of 0.1 a run", "Held out:", "conformal", "not split"):
        assert words in found["policy"].replace("\n#", "")
    again, same = asked(capsys, good, "--rate", "0.1", "-p", str(low))
    assert again == 0
    assert same["calibration"] == calibration
    held = call(["rules", "diff", str(low), str(tmp_path), good, "-o", "json"])
    assert held == 1


def test_what_keeps_to_the_rate_already_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = written(tmp_path / "good.jsonl", dict.fromkeys(range(20), 1))
    assert call(["calibrate", good, "--rate", "0.1"]) == 0
    text = capsys.readouterr().out
    assert "Nothing to change" in text
    assert "[defaults" not in text
    (tmp_path / "same.toml").write_text(text)
    assert call(["rules", "check", str(tmp_path / "same.toml")]) == 0


def test_thresholds_become_lower_only_where_one_asks_for_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = written(tmp_path / "good.jsonl", dict.fromkeys(range(20), 1))
    _, found = asked(capsys, good, "--rate", "0.1", "--tighten")
    now = {one["kind"]: (one["was"], one["now"], one["kill"]) for one in found["calibration"]["thresholds"]}
    assert now["repeat"] == (3.0, 1.5, {})
    assert now["cycle"] == (3, 2, {})
    out = tmp_path / "tight.toml"
    out.write_text(found["policy"])
    assert call(["rules", "check", str(out)]) == 0


def test_too_few_runs_are_refused_with_how_many_it_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = written(tmp_path / "good.jsonl", dict.fromkeys(range(12), 1))
    out = tmp_path / "out.toml"
    assert call(["calibrate", good, "--out", str(out)]) == 2
    told = capsys.readouterr().err
    assert "12 runs are too few for a false-alarm rate of 0.01" in told
    assert "198 in all" in told
    assert not out.exists()
    (tmp_path / "none.jsonl").write_text("")
    assert call(["calibrate", str(tmp_path / "none.jsonl")]) == 2
    assert call(["calibrate", good, "--rate", "0"]) == 2
    assert call(["calibrate", good, "--rate", "often"]) == 2


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = written(tmp_path / "good.jsonl", dict.fromkeys(range(20), 1))
    out = tmp_path / "mine.toml"
    out.write_text("version = 1\n")
    assert call(["calibrate", good, "--rate", "0.1", "--out", str(out)]) == 2
    assert "--force" in capsys.readouterr().err
    assert out.read_text() == "version = 1\n"
    assert call(["calibrate", good, "--rate", "0.1", "--out", str(out), "--force"]) == 0
    assert "conformal" in out.read_text()
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_a_check_half_that_is_unlike_the_rest_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = [("default", f"app-{number:03}", f"run-{number:03}") for number in range(40)]
    _, _, check = divide(keys, Fraction(1, 10), 0)
    held_out = {int(run[-3:]) for _, _, run in check}
    repeats = {number: 9 if number in held_out else 1 for number in range(40)}
    good = written(tmp_path / "good.jsonl", repeats)
    out = tmp_path / "out.toml"
    assert call(["calibrate", good, "--rate", "0.1", "--out", str(out)]) == 1
    told = capsys.readouterr().out
    assert "20 of 20 runs warned of (100.0%" in told
    assert "Are they really good runs?" in told

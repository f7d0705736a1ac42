"""`explain --events`: a run explained out of recorded events, with no daemon anywhere."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agentwatch.cli.root import call
from agentwatch.testing import LOOK_ALIKES, LOOPS, Trace


def written(path: Path, **runs: Any) -> str:
    lines = [
        msgspec.json.encode(msgspec.structs.replace(e, id=f"{name}-{at}", run=name, root_run=name, app=name))
        for name, events in runs.items()
        for at, e in enumerate(events)
    ]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return str(path)


def explained(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert call(["explain", *arguments, "-o", "json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture
def events(tmp_path: Path) -> str:
    return written(tmp_path / "events.jsonl", stuck=LOOPS["exact_repeat"](), busy=LOOK_ALIKES["pagination"]())


def test_a_run_is_named_by_its_id_by_its_subject_or_by_options(events: str, capsys: pytest.CaptureFixture[str]) -> None:
    whole = explained(capsys, "stuck", "--events", events)
    assert whole["subject"] == "default/stuck/run/stuck"
    assert whole == explained(capsys, "default/stuck/run/stuck", "--events", events)
    assert whole == explained(capsys, "--app", "stuck", "--run", "stuck", "--events", events)
    assert len(whole["repeats"]) == len(LOOPS["exact_repeat"]())
    assert [step["index"] for step in whole["repeats"]] == list(range(len(whole["repeats"])))


def test_it_is_all_there_to_read(events: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["explain", "stuck", "--events", events]) == 0
    told = capsys.readouterr().out
    for words in ("It got to", "level by event", "steps side by side", "arguments, result", "Rule default let it"):
        assert words in told
    assert "are not shown" in told
    assert call(["explain", "stuck", "--events", events, "--steps", "500"]) == 0
    assert "are not shown" not in capsys.readouterr().out


def test_a_run_of_which_nothing_was_said_tells_how_near_it_came(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = Trace()
    for at in range(3):
        trace.call("read_file", {"path": "a.txt"}, "the same thing again and again")
        trace.call(f"tool{at}", {"page": at * 7}, f"chapter {at} holds {at * 13} things that are new")
    found = explained(capsys, "near", "--events", written(tmp_path / "near.jsonl", near=trace.events))
    assert found["level"] == "observe"
    warn = next(one for one in found["crossings"] if (one["kind"], one["level"]) == ("repeat", "warn"))
    assert warn["index"] == -1
    assert 0 < warn["reached"] < 1
    assert any("never had enough for a warning" in words for words in found["words"])
    assert found["words"][0] == "Nothing was ever decided about it."


def test_another_policy_is_explained_by(events: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = tmp_path / "observe.toml"
    policy.write_text("[defaults]\nmode = 'observe'\nsamples = true\n")
    found = explained(capsys, "stuck", "--events", events, "--policy", str(policy))
    assert {one["gate"] for one in found["crossings"] if one["decided"] == "kill"} == {"mode"}
    assert any(step["samples"] for step in found["repeats"])
    assert call(["explain", "stuck", "--events", events, "--policy", str(policy)]) == 0
    told = capsys.readouterr().out
    assert "held back by" in told
    assert call(["explain", "stuck", "--events", events]) == 0
    assert "→" not in capsys.readouterr().out


def test_what_cannot_be_explained_is_refused_by_name(
    events: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["explain", "stuk", "--events", events]) == 1
    assert "near: stuck" in capsys.readouterr().err
    assert call(["explain", "stuck", "--events", str(tmp_path / "none.jsonl")]) == 2
    assert call(["explain", "--events", events]) == 2
    assert call(["explain", "default/stuck/run/stuck", "--policy", events]) == 2
    assert "--events" in capsys.readouterr().err
    twice = tmp_path / "twice.jsonl"
    same = [msgspec.structs.replace(e, app=app) for app in ("a", "b") for e in LOOPS["exact_repeat"]()]
    twice.write_bytes(b"\n".join(msgspec.json.encode(e) for e in same) + b"\n")
    assert call(["explain", same[0].run, "--events", str(twice)]) == 2
    assert "2 runs have this name" in capsys.readouterr().err

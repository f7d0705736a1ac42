"""`rules` on files: what a change of policy would do, which rules there are, and what is wrong with a file."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agentwatch.cli.root import call
from agentwatch.testing import LOOK_ALIKES, LOOPS, Trace

OBSERVE = 'version = 1\n[[rules]]\nname = "watch"\nmatch = { agent = "agent" }\nmode = "observe"\n'
SOFT = "[defaults.detectors.repeat]\nwarn = 6.0\nkill = 29.0\n"


def stuck(run: str, count: int = 14, cost_usd: float = 0.25) -> Trace:
    trace = Trace(run=run)
    for _ in range(count):
        trace.call("read_file", {"path": "a.txt"}, "the same thing again and again", cost_usd=cost_usd, model="gpt-4o")
    return trace


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """A loop that is killed by the shipped policy, a short one that is warned of, and work that is neither."""
    fine = [
        msgspec.structs.replace(event, id=f"fine-{at}", run="fine", root_run="fine", agent="other")
        for at, event in enumerate(LOOK_ALIKES["pagination"]())
    ]
    path = tmp_path / "events.jsonl"
    every = [*stuck("long").events, *stuck("short", 4, 0.001).events, *fine]
    path.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in every))
    return path


def policy(tmp_path: Path, name: str, text: str) -> str:
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)


def diff(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = call(["rules", "diff", *arguments, "-o", "json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_policy_does_as_it_does(events: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = diff(capsys, "shipped", "shipped", str(events))
    assert (code, found["differences"]) == (0, [])
    assert found["alike"] == 2
    assert call(["rules", "diff", "shipped", "shipped", str(events)]) == 0
    assert "no difference" in capsys.readouterr().out


def test_softer_thresholds_spare_and_stricter_ones_stop(
    events: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soft = policy(tmp_path, "soft.toml", SOFT)
    code, found = diff(capsys, "shipped", soft, str(events))
    told = {one["subject"].rpartition("/")[2]: one for one in found["differences"]}
    assert code == 1
    assert set(told) == {"long", "short"}
    assert told["short"]["what"] == "no longer warned"
    assert told["long"]["what"].startswith("no longer killed, still")
    assert (told["long"]["old"], told["long"]["rule"], told["long"]["kind"]) == ("kill", "default", "repeat")
    assert told["long"]["saved_usd"] < 0
    back, mirrored = diff(capsys, soft, "shipped", str(events))
    again = {one["subject"].rpartition("/")[2]: one for one in mirrored["differences"]}
    assert back == 1
    assert (again["short"]["what"], again["long"]["what"]) == ("newly warned", "newly killed")
    assert again["long"]["saved_usd"] == pytest.approx(-told["long"]["saved_usd"])


def test_what_is_saved_is_what_was_spent_after_the_stop(events: Path, capsys: pytest.CaptureFixture[str]) -> None:
    observe = policy(events.parent, "observe.toml", OBSERVE)
    no_pause = policy(events.parent, "no-pause.toml", '[defaults]\nactions = ["warn", "throttle", "kill"]\n')
    _, found = diff(capsys, observe, no_pause, str(events))
    (killed,) = [one for one in found["differences"] if one["new"] == "kill"]
    assert killed["spent_usd"] == pytest.approx(14 * 0.25)
    assert killed["saved_usd"] == pytest.approx((13 - killed["index"]) * 0.25)
    assert found["saved_usd"] == pytest.approx(killed["saved_usd"])


def test_a_change_of_mode_alone_is_a_difference(events: Path, capsys: pytest.CaptureFixture[str]) -> None:
    observe = policy(events.parent, "observe.toml", OBSERVE)
    code, found = diff(capsys, "shipped", observe, str(events))
    (spared,) = [one for one in found["differences"] if one["old"] == "kill"]
    assert code == 1
    assert (spared["new_decided"], spared["new_gate"], spared["new"]) == ("kill", "mode", "observe")
    assert spared["what"].startswith("no longer killed")
    call(["rules", "diff", observe, "shipped", str(events)])
    assert "newly killed" in capsys.readouterr().out


def test_events_may_come_from_standard_input(
    events: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    soft = policy(events.parent, "soft.toml", SOFT)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(events.read_bytes())))
    code, found = diff(capsys, "shipped", soft, "-")
    assert (code, len(found["differences"])) == (1, 2)


def test_bad_input_is_code_two_and_names_the_place(
    events: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = policy(tmp_path, "wrong.toml", "[defaults]\nmod = 'observe'\n")
    assert call(["rules", "diff", "shipped", wrong, str(events)]) == 2
    assert "wrong.toml: defaults.mod" in capsys.readouterr().err
    assert call(["rules", "diff", "shipped", "nowhere.toml", str(events)]) == 2
    assert "nowhere.toml" in capsys.readouterr().err
    assert call(["rules", "diff", "shipped", "shipped", str(tmp_path / "none.jsonl")]) == 2
    assert "none.jsonl" in capsys.readouterr().err
    nothing = tmp_path / "nothing.jsonl"
    nothing.write_text("not json\n")
    assert call(["rules", "diff", "shipped", "shipped", str(nothing)]) == 2
    assert "no usage event" in capsys.readouterr().err


def test_check_names_every_wrong_file_with_its_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = policy(tmp_path, "10-good.toml", OBSERVE)
    assert call(["rules", "check", good, "shipped"]) == 0
    assert "fine" in capsys.readouterr().out
    bound = policy(tmp_path, "20-bound.toml", "[defaults.detectors.repeat]\nwarn = -1\n")
    key = policy(tmp_path, "30-key.toml", "[[rules]]\nname = 'x'\nmatch.agnt = 'y'\n")
    assert call(["rules", "check", good, bound, key, "-o", "json"]) == 2
    first, second = json.loads(capsys.readouterr().out)["wrong"]
    assert "20-bound.toml" in first
    assert "detectors.repeat.warn" in first
    assert "30-key.toml: rules[0].match.agnt" in second


def test_check_finds_what_is_wrong_only_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy(tmp_path, "10.toml", OBSERVE)
    policy(tmp_path, "20.toml", OBSERVE)
    assert call(["rules", "check", str(tmp_path)]) == 2
    assert "20.toml: rules[0].name: 'watch' is taken by" in capsys.readouterr().out.replace("\n", "")
    (tmp_path / "empty").mkdir()
    assert call(["rules", "check", str(tmp_path / "empty")]) == 2
    assert "no *.toml" in capsys.readouterr().err


def test_list_counts_what_each_rule_matches(events: Path, capsys: pytest.CaptureFixture[str]) -> None:
    watch = policy(events.parent, "watch.toml", OBSERVE + SOFT.replace("[defaults.", "[defaults."))
    assert call(["rules", "list", watch, "--events", str(events), "-o", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    counted = {rule["name"]: rule["events"] for rule in found["rules"]}
    assert counted == {"watch": 18, "default": len(LOOK_ALIKES["pagination"]())}
    assert [rule["mode"] for rule in found["rules"]] == ["observe", "enforce"]
    assert "repeat.warn = 6.0" in found["rules"][0]["changes"]
    assert call(["rules", "list", "shipped"]) == 0
    assert "everything" in capsys.readouterr().out


def test_loops_that_the_shipped_policy_kills_are_newly_killed_against_one_that_only_warns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "loop.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in LOOPS["exact_repeat"]()))
    warns = policy(tmp_path, "warns.toml", "[defaults]\nactions = ['warn']\n")
    code, found = diff(capsys, warns, "shipped", str(path))
    assert code == 1
    assert {one["what"] for one in found["differences"]} == {"newly killed"}

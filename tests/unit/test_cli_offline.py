"""The verbs that need no daemon: replay, eval, config, token."""

import csv
import gzip
import json
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agentwatch.api.options import ApiOptions
from agentwatch.api.tokens import hash_token
from agentwatch.cli.daemon import DEFAULT_URL
from agentwatch.cli.root import call
from agentwatch.records import Event
from agentwatch.testing import LOOK_ALIKES, LOOPS

KEYS = {
    "index", "id", "ts", "tenant", "app", "agent", "run", "root_run", "subject", "kind", "change", "level",
    "confidence", "onset", "count", "period", "reason", "for", "against", "origin", "gate",
}  # fmt: skip


def written(path: Path, *groups: Any) -> Path:
    """Write the events of each group, a run of its own, one line each."""
    lines = [
        msgspec.json.encode(msgspec.structs.replace(event, id=f"{at}-{n}", run=f"run-{at}", root_run=f"run-{at}"))
        for at, events in enumerate(groups)
        for n, event in enumerate(events)
    ]
    data = b"\n".join(lines) + b"\n"
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def read(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_replay_prints_one_object_a_change_and_a_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = written(tmp_path / "loop.jsonl.gz", LOOPS["exact_repeat"]())
    assert call(["replay", str(trace), "--json"]) == 1
    *changes, last = read(capsys.readouterr().out)
    assert changes
    for change in changes:
        assert set(change) == KEYS
        assert change["level"] in ("observe", "warn", "throttle", "pause", "kill")
        assert change["change"] in ("up", "down")
    assert changes[0]["onset"].keys() == {"index", "id"}
    assert last["summary"].keys() >= {"events", "runs", "warned", "killed", "seconds", "malformed"}
    assert last["summary"]["warned"] > 0


def test_replaying_twice_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = str(written(tmp_path / "loop.jsonl", LOOPS["cycle"](), LOOPS["pingpong"]()))
    said = []
    for _ in range(2):
        call(["replay", trace, "--json"])
        said.append(capsys.readouterr().out.splitlines()[:-1])
    assert said[0] == said[1]


def test_an_innocent_replay_finds_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = written(tmp_path / "fine.jsonl", LOOK_ALIKES["pagination"]())
    assert call(["replay", str(trace)]) == 0
    assert "0 subjects warned, 0 killed" in capsys.readouterr().out


def test_malformed_lines_are_named_and_strict_minds_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = written(tmp_path / "first.jsonl", LOOK_ALIKES["pagination"]()[:3])
    second = tmp_path / "second.jsonl"
    second.write_text('{"agent":"a","ts":1}\n\nnot json\n{"agent":""}\n')
    files = [str(first), str(second)]
    assert call(["replay", *files, "--json"]) == 0
    told = capsys.readouterr()
    assert read(told.out)[-1]["summary"]["malformed"] == 2
    assert f"{second}:3: " in told.err
    assert f"{second}:4: agent: " in told.err
    assert call(["replay", *files, "--strict"]) == 2


def test_malformed_lines_are_named_before_what_comes_after_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = written(tmp_path / "loop.jsonl", LOOPS["exact_repeat"](), *[LOOK_ALIKES["batch"]() for _ in range(40)])
    trace.write_bytes(b"not json\n" * 1_003 + trace.read_bytes())
    told: list[str] = []
    monkeypatch.setattr("click.echo", lambda text, err=False: told.append(f"{err}: {text}"))
    monkeypatch.setattr("agentwatch.cli.replay.write_line", lambda _: told.append("change"))
    call(["replay", str(trace), "--json"])
    assert told[0].startswith(f"True: {trace}:1: ")
    assert told.index("change") == 1_000
    assert told[-2:] == ["True: … and 3 more lines are no usage events", "change"]


def test_replay_by_other_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = str(written(tmp_path / "loop.jsonl", LOOPS["exact_repeat"]()))
    policy = tmp_path / "policy.toml"
    policy.write_text('version = 1\n[defaults]\nactions = ["warn"]\n')
    call(["replay", trace, "--policy", str(policy), "--json"])
    assert {change["level"] for change in read(capsys.readouterr().out)[:-1]} <= {"observe", "warn"}
    policy.write_text("version = 9\n")
    assert call(["replay", trace, "--policy", str(policy)]) == 2
    assert "policy.toml" in capsys.readouterr().err


def test_replay_of_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["replay", "/nowhere/x.jsonl"]) == 2
    assert "/nowhere/x.jsonl: No such file" in capsys.readouterr().err


def test_eval_scores_by_group(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = written(tmp_path / "events.jsonl", LOOPS["exact_repeat"](), LOOK_ALIKES["batch"]())
    labels = tmp_path / "labels.csv"
    with labels.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerows([
            ["run", "source", "label", "onset", "shape", "reason"],
            ["run-0", "made", "loop", "1", "exact", ""],
            ["run-1", "made", "benign", "", "", ""],
        ])  # fmt: skip
    assert call(["eval", str(trace), str(labels), "--json"]) == 0
    report = read(capsys.readouterr().out)[0]
    assert (report["runs"], report["benign_warned"], report["benign_killed"]) == (2, 0, 0)
    assert report["warn"]["found"] == 1
    assert call(["eval", str(trace), str(labels)]) == 0
    assert "By source" in capsys.readouterr().out
    assert call(["eval", str(trace), str(labels), "--markdown"]) == 0
    assert "| made | warn | 1 | 1 | 1.000 |" in capsys.readouterr().out
    labels.write_text("run,label\nrun-0,perhaps\n")
    assert call(["eval", str(trace), str(labels)]) == 2
    assert f"{labels}: line 2" in capsys.readouterr().err


def test_eval_holds_the_figures_against_a_floor_that_only_rises(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = written(tmp_path / "events.jsonl", LOOPS["exact_repeat"](), LOOK_ALIKES["batch"]())
    labels, floor = tmp_path / "labels.csv", tmp_path / "floor.json"
    labels.write_text("run,label,onset\nrun-0,loop,1\nrun-1,benign,\n")
    asked = ["eval", str(trace), str(labels), "--json", "--bootstrap", "0", "--floor", str(floor)]
    assert call(asked) == 2  # no such file
    assert call([*asked, "--raise-floor"]) == 0
    assert json.loads(floor.read_text())["found_warn"] == 1
    capsys.readouterr()
    assert call(asked) == 0
    assert read(capsys.readouterr().out)[0]["below_floor"] == []
    floor.write_text(floor.read_text().replace('"found_kill": 1', '"found_kill": 2'))
    assert call([*asked, "--raise-floor"]) == 1
    assert read(capsys.readouterr().out)[0]["below_floor"] == ["found_kill is 1, the floor is 2"]
    assert json.loads(floor.read_text())["found_kill"] == 2
    assert call(["eval", str(trace), str(labels), "--raise-floor"]) == 2
    assert "--raise-floor" in capsys.readouterr().err


def test_eval_tells_of_lines_and_runs_that_do_not_match(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = written(tmp_path / "events.jsonl", LOOPS["exact_repeat"](), LOOK_ALIKES["batch"]())
    trace.write_bytes(b"not json\n" + trace.read_bytes())
    labels = tmp_path / "labels.csv"
    labels.write_text("run,label,onset\nrun-0,loop,1\nrun-9,loop,1\n")
    assert call(["eval", str(trace), str(labels), "--json"]) == 0
    told = capsys.readouterr()
    report = read(told.out)[0]
    assert report["missing"] == ["run-9"]
    assert report["unlabelled_runs"] == ["run-1"]
    assert (report["warn"]["loops"], report["warn"]["found"]) == (1, 1)
    assert f"{trace}:1: " in told.err


def test_config_check_names_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "agentwatch.toml"
    path.write_text('[redis]\nurl = "redis://db"\n')
    assert call(["config", "check", "--config", str(path)]) == 0
    assert "fine" in capsys.readouterr().out
    for text, word in (
        ('[redis]\nurll = "x"\n', "redis.urll"),
        ("[redis\n", "not TOML"),
        ('[policy]\nfiles = ["none/*.toml"]\n', "policy.files"),
        ('[redis]\npassword = "file:/nowhere"\n', "redis.password"),
        ('[redis]\nurl = "http://db"\n', "redis.url"),
        ('[redis]\nurl = "redis://db:port"\n', "redis.url"),
        ('[mqtt]\nurl = "http://broker"\n', "mqtt.url"),
        ('[mqtt]\nurl = "mqtt://broker?cafile=x"\n', "mqtt.url"),
        ('[[receivers]]\nname = "a"\nurl = "x"\n[[receivers]]\nname = "a"\nurl = "y"\n', "receivers"),
    ):
        path.write_text(text)
        assert call(["config", "check", "--config", str(path)]) == 2
        assert word in capsys.readouterr().err
    assert call(["config", "check", "--config", str(tmp_path / "none.toml")]) == 2


def test_config_check_names_all_that_is_wrong_of_a_file_that_can_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "agentwatch.toml"
    path.write_text(
        'policy.files = ["none.toml"]\nmqtt.url = "http://broker"\nheartbeat.url = "file:/none"\n'
        '[redis]\nurl = "http://db"\npassword = "file:/nowhere"\n'
        '[[receivers]]\nname = "a"\nurl = "x"\n[[receivers]]\nname = "b"\nurl = "https://h"\nsecret = "file:/none"\n'
    )
    assert call(["config", "check", "--config", str(path)]) == 2
    told = capsys.readouterr()
    keys = [line.split(": ")[1] for line in told.err.splitlines()]
    assert keys == [
        "policy.files", "redis.url", "mqtt.url", "redis.password", "heartbeat.url", "receivers.a.url",
        "receivers.b.secret",
    ]  # fmt: skip
    assert told.out == ""


def test_config_check_tells_which_secrets_it_could_not_look_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    path = tmp_path / "agentwatch.toml"
    path.write_text(
        '[redis]\npassword = "credential:redis"\n'
        '[[receivers]]\nname = "a"\nurl = "https://h"\nsecret = "credential:hook"\n'
    )
    assert call(["config", "check", "--config", str(path)]) == 0
    told = capsys.readouterr().out
    assert "not checked here: credential:redis (redis.password)" in told
    assert "not checked here: credential:hook (receivers.a.secret)" in told
    assert call(["config", "check", "--config", str(path), "-o", "json"]) == 0
    assert [one["names"] for one in json.loads(capsys.readouterr().out)["not_checked"]] == [
        "credential:redis", "credential:hook",
    ]  # fmt: skip
    (tmp_path / "redis").write_text("x")
    (tmp_path / "hook").write_text("y")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert call(["config", "check", "--config", str(path)]) == 0
    assert "not checked" not in capsys.readouterr().out


def test_config_show_tells_where_values_come_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "agentwatch.toml"
    path.write_text('[redis]\nurl = "redis://me:s3cret@db"\n')
    monkeypatch.setenv("AGENTWATCH_WORKER_BATCH", "7")
    assert call(["config", "show", "--config", str(path), "-o", "json"]) == 0
    shown = {line["key"]: (line["value"], line["from"]) for line in json.loads(capsys.readouterr().out)}
    assert shown["redis.url"] == ("redis://•••@db", "file")
    assert shown["worker.batch"] == (7, "AGENTWATCH_WORKER_BATCH")
    assert shown["api.port"][1] == "default"
    assert call(["config", "show", "--config", str(path), "--changed"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_what_config_show_prints_can_be_read_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["config", "show"]) == 0
    again = tmp_path / "again.toml"
    again.write_text(capsys.readouterr().out)
    assert call(["config", "check", "--config", str(again)]) == 0


@pytest.mark.parametrize("kind", ["config", "event"])
def test_schemas(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["config", "schema", "--of", kind]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["$ref"].startswith("#/$defs/")
    if kind == "event":
        assert set(schema["$defs"]["Event"]["properties"]) == set(Event.__struct_fields__)


def test_a_new_token_fits_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["token", "new", "gateway", "--role", "guard", "--tenant", "acme", "--app", "crew", "-o", "json"]
    assert call(arguments) == 0
    made = json.loads(capsys.readouterr().out)
    lines = tomllib.loads(made["toml"])["api"]["tokens"]
    assert lines == [made["config"]]
    assert lines[0]["sha256"] == hash_token(made["token"])
    msgspec.convert({"tokens": lines}, ApiOptions)
    assert call(["token", "new", "two words"]) == 2
    assert "name: " in capsys.readouterr().err


def test_the_usual_address_is_the_daemon_s_own() -> None:
    options = ApiOptions()
    assert f"http://{options.host}:{options.port}" == DEFAULT_URL


@pytest.mark.slow
def test_eval_tells_what_parts_are_worth_and_leaves_sources_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = written(tmp_path / "events.jsonl", LOOPS["exact_repeat"](), LOOK_ALIKES["batch"](), LOOPS["monologue"]())
    labels = tmp_path / "labels.csv"
    labels.write_text("run,source,label,onset\nrun-0,one,loop,1\nrun-1,one,benign,\nrun-2,two,loop,1\n")
    asked = ["eval", str(trace), str(labels), "--bootstrap", "0"]
    assert call([*asked, "--ablate", "--leave-out", "all", "--json"]) == 0
    report = read(capsys.readouterr().out)[0]
    parts = {part["name"]: part for part in report["ablation"]["parts"]}
    assert parts["monologue"]["lost"] == ["run-2"]
    assert [fold["source"] for fold in report["left_out"]["folds"]] == ["one", "two"]
    assert call([*asked, "--leave-out", "three"]) == 2
    assert "no source 'three'; known: one, two" in capsys.readouterr().err


def test_a_check_that_may_not_see_the_credentials_checks_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As systemd runs it before a reload: the folder is named, and closed."""
    path = tmp_path / "a.toml"
    path.write_text('[redis]\nurl = "redis://h"\npassword = "credential:redis-password"\n')
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "closed"))
    assert call(["config", "check", "--config", str(path)]) == 0
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert call(["config", "check", "--config", str(path)]) == 2
    (tmp_path / "redis-password").write_text("x")
    assert call(["config", "check", "--config", str(path)]) == 0

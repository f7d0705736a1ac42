"""The command line from end to end: a daemon of its own process, events in, the loop found, stopped and explained."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis

from agentwatch.cli.root import call
from agentwatch.keys import keys
from agentwatch.testing import LOOK_ALIKES, LOOPS
from tests.ports import free_port

DEADLINE_S = 30.0


class Daemon:
    """A daemon of its own process with its embedded server, ready when made; `url` is the Redis of it."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self.port, redis_port = free_port(), free_port()
        self.url = f"redis://127.0.0.1:{redis_port}"
        config = directory / "agentwatch.toml"
        config.write_text(
            f'state_dir = "{directory}"\n[redis]\nembedded_port = {redis_port}\n'
            f"[api]\nport = {self.port}\nloopback_without_token = true\n"
        )
        self.log = directory / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "agentwatch", "run", "--config", str(config)], env=environment, stderr=log
            )

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=DEADLINE_S) == 0, self.log.read_text()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("AGENTWATCH_TOKEN", raising=False)
        running = Daemon(tmp_path_factory.mktemp("daemon"), dict(os.environ))
        environment.setenv("AGENTWATCH_URL", f"http://127.0.0.1:{running.port}")
        try:
            until(lambda: call(["status"]) == 0, running)
            yield running
        finally:
            running.stop()


def until(true: Callable[[], Any], daemon: Daemon) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert daemon.process.poll() is None, daemon.log.read_text()
        assert time.monotonic() < deadline, daemon.log.read_text()
        time.sleep(0.05)


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    call([*arguments, "-o", "json"])
    return json.loads(capsys.readouterr().out)


def events(now: float, name: str, made: Any) -> bytes:
    """Give a run's events times of today, so that they are not stale."""
    shift = now - made[-1].ts
    renamed = [
        msgspec.structs.replace(e, id=f"{name}-{n}", ts=e.ts + shift, run=name, root_run=name, agent=name, app="crew")
        for n, e in enumerate(made)
    ]
    return b"".join(msgspec.json.encode(event) + b"\n" for event in renamed)


def test_from_event_to_undo(daemon: Daemon, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = time.time()
    (tmp_path / "loop.jsonl").write_bytes(events(now, "stuck", LOOPS["exact_repeat"]()))
    (tmp_path / "fine.jsonl").write_bytes(events(now, "busy", LOOK_ALIKES["pagination"]()))
    assert call(["emit", str(tmp_path / "loop.jsonl")]) == 0
    assert call(["emit", "--redis", daemon.url, str(tmp_path / "fine.jsonl")]) == 0
    subjects = {"default/crew/agent/stuck", "default/crew/agent/busy"}
    until(lambda: {a["subject"] for a in asked(capsys, "agents", "list")} >= subjects, daemon)

    until(lambda: asked(capsys, "decisions", "list", "--agent", "stuck")["decisions"], daemon)
    assert asked(capsys, "decisions", "list", "--agent", "busy")["decisions"] == []
    run = "default/crew/run/stuck"
    explained = asked(capsys, "explain", run)
    assert explained["level"] != "observe"
    assert {signal["kind"] for signal in explained["signals"]} >= {"repeat"}
    levels = {one["level"]: one for one in explained["crossings"] if one["kind"] == "repeat"}
    assert levels["warn"]["decided"] == "warn"
    assert levels["warn"]["index"] >= 0
    assert explained["repeats"][-1]["equal"]
    assert any("had enough for warn" in words for words in explained["words"])
    capsys.readouterr()
    assert call(["explain", run]) == 0
    assert "steps side by side" in capsys.readouterr().out
    tree = asked(capsys, "explain", "default/crew/root/stuck")
    assert (tree["run"], tree["level"]) == (run, explained["level"])
    (incident,) = asked(capsys, "incidents", "list")["incidents"]
    assert (incident["run"], incident["kind"]) == ("stuck", "repeat")
    assert asked(capsys, "incidents", "show", incident["id"])["decisions"] == incident["decisions"]
    (rule,) = asked(capsys, "rules", "list")["rules"]
    assert (rule["name"], rule["events"]) == (
        "default",
        len(LOOPS["exact_repeat"]()) + len(LOOK_ALIKES["pagination"]()),
    )
    assert rule["standing"]

    capsys.readouterr()
    assert call(["kill", "default/crew/run/busy", "-r", "by hand", "--for", "1h", "--yes", "-o", "json"]) == 0
    told = capsys.readouterr()
    decision = json.loads(told.out)["decision"]
    assert "default/crew/run/busy  (busy" in told.err
    with redis.Redis.from_url(daemon.url) as store:
        key = "agentwatch:{0}:control:default/crew/run/busy"
        command = json.loads(str(store.get(key), "utf-8"))  # type: ignore[arg-type]  # bytes, as no decoding is set
        assert (command["cmd"], command["reason"]) == ("kill", "by hand")
        assert call(["decisions", "delete", decision["id"], "-r", "undo"]) == 0
        until(lambda: (held := store.get(key)) is None or json.loads(held)["cmd"] == "resume", daemon)

    capsys.readouterr()
    assert call(["resume", "default/crew/run/busy", "-r", "twice"]) == 0
    assert "nothing stood against default/crew/run/busy itself" in capsys.readouterr().out
    assert call(["throttle", "default/crew/run/busy", "--limit", "nan", "-r", "x", "--yes"]) == 2
    assert "'nan' is not a number" in capsys.readouterr().err
    assert call(["kill", "default/crew/agent/my agent", "-r", "x", "--yes"]) == 2
    assert "is written 'default/crew/agent/my%20agent'" in capsys.readouterr().err


def test_dead_letters_come_back(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    with redis.Redis.from_url(daemon.url) as store:
        store.xadd("agentwatch:{0}:events", {"data": b'{"agent": 7}'})
    until(lambda: asked(capsys, "dead", "list")["items"], daemon)
    item = asked(capsys, "dead", "list")["items"][0]
    assert item["letter"]["field"] == "agent"
    assert call(["dead", "requeue", item["position"]]) == 0
    until(lambda: len(asked(capsys, "dead", "list")["items"]) >= 1, daemon)


def test_modes_allow_list_and_breaker(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["mode", "set", "observe", "-r", "roll-out"]) == 0
    assert asked(capsys, "mode", "show")["mode"] == "observe"
    assert call(["allow", "add", "default/crew/agent/*", "--for", "1h", "-r", "known"]) == 0
    assert [entry["pattern"] for entry in asked(capsys, "allow", "list")] == ["default/crew/agent/*"]
    assert call(["allow", "remove", "default/crew/agent/*", "-r", "over", "--yes"]) == 0
    assert asked(capsys, "allow", "list") == []
    assert call(["silence", "add", "default/crew", "--for", "1h", "-r", "a release"]) == 0
    assert [entry["comment"] for entry in asked(capsys, "silence", "list")] == ["a release"]
    assert call(["silence", "remove", "default/crew", "-r", "over", "--yes"]) == 0
    assert asked(capsys, "silence", "list") == []
    assert call(["breaker", "show"]) == 0


def test_emit_refuses_the_same_lines_by_field_on_either_way(
    daemon: Daemon, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fine = '{"agent": "n0"}', '{"agent": "n1", "arguments": {"q": 1}, "mine": 1}'
    bad = ['{"agent":"n2","input_tokens":"many"}', '{"app": "a"}', '{"agent": "n3", "ts": 1e12}', "[]", "{"]
    bad += ['{"agent": "n4", "cost_usd": -1}', '{"agent": 5}', '{"agent": "n5", "tenant": "agentwatch-canary"}']
    events = tmp_path / "events.jsonl"
    events.write_text("\n".join([fine[0], *bad, fine[1]]))
    with redis.Redis.from_url(daemon.url) as client:
        before = client.xinfo_stream(keys(0).events)["entries-added"]
    told = []
    for way in ((), ("--redis", daemon.url)):
        assert call(["emit", str(events), "-o", "json", *way]) == 2
        told.append(json.loads(capsys.readouterr().out))
    assert told[0] == told[1]
    assert (told[1]["read"], told[1]["accepted"], told[1]["refused"]) == (10, 2, 8)
    assert [one["line"] for one in told[1]["first_refused"]] == [2, 3, 4, 5, 6, 7, 8, 9]
    assert told[1]["first_refused"][0]["reason"].startswith("input_tokens: ")
    with redis.Redis.from_url(daemon.url) as client:
        assert client.xinfo_stream(keys(0).events)["entries-added"] == before + 4


def test_emit_past_the_daemon_goes_by_the_limits_of_its_configuration(
    valkey: str, cluster: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events, config = tmp_path / "events.jsonl", tmp_path / "agentwatch.toml"
    events.write_text("".join(f'{{"agent": "n{at}", "cost_usd": 2e6}}\n' for at in range(8)))
    config.write_text("[decode]\nmax_cost_usd = 3e6\n")
    for url in (valkey, cluster):  # a cluster's partitions lie on several nodes
        assert call(["emit", "--redis", url, str(events)]) == 2
        assert "cost_usd" in capsys.readouterr().err
        assert call(["emit", "--redis", url, "-c", str(config), str(events)]) == 0
    assert call(["emit", "--redis", "redist://here", str(events)]) == 2
    assert "--redis: Redis URL must specify" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["api.port", "redis.embedded_port"])
def test_a_port_that_somebody_else_has_is_code_three_and_named(tmp_path: Path, key: str) -> None:
    table, _, name = key.rpartition(".")
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        config = tmp_path / "agentwatch.toml"
        config.write_text(f'state_dir = "{tmp_path}"\n[{table}]\n{name} = {port}\n')
        environment = {**os.environ} if key == "api.port" else {**os.environ, "AGENTWATCH_API_PORT": str(free_port())}
        ran = subprocess.run(
            [sys.executable, "-m", "agentwatch", "run", "--config", str(config)],
            capture_output=True, text=True, check=False, timeout=DEADLINE_S, env=environment,
        )  # fmt: skip
    assert ran.returncode == 3, ran.stderr
    assert f"{key}: port {port} on 127.0.0.1 is already in use" in ran.stderr


def test_a_wrong_configuration_is_code_two(tmp_path: Path) -> None:
    config = tmp_path / "agentwatch.toml"
    config.write_text("[api]\nport = 99999999\n")
    ran = subprocess.run(
        [sys.executable, "-m", "agentwatch", "run", "--config", str(config)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "api.port" in ran.stderr

"""The daemon as a process of its own: signals in, an exit code out."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import redis

from agentwatch.cli.root import call
from agentwatch.keys import keys

DEADLINE_S = 30.0


class Process:
    """`agentwatch run` on a given Redis; `log` is what it wrote."""

    def __init__(self, directory: Path, url: str) -> None:
        self.policy = directory / "policy.toml"
        self.policy.write_text('[defaults]\nmode = "enforce"\n')
        config = directory / "agentwatch.toml"
        config.write_text(
            f'[redis]\nurl = "{url}"\n[api]\nport = 0\nloopback_without_token = true\n'
            '[policy]\nfiles = ["policy.toml"]\n[worker]\nblock_s = 0.1\ndrain_s = 5\n[log]\nformat = "json"\n'
        )
        self._log = directory / "log"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AGENTWATCH_")}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "agentwatch", "run", "--config", str(config)], env=environment, stderr=log
            )
        self.until(lambda: self.lines("daemon_ready"))
        self.url = self.lines("daemon_ready")[0]["api"]

    def lines(self, event: str) -> list[dict[str, Any]]:
        found = []
        for line in self._log.read_bytes().splitlines():
            try:
                entry = msgspec.json.decode(line)
            except msgspec.DecodeError:
                continue  # the line that is being written
            if entry.get("event") == event:
                found.append(entry)
        return found

    def until(self, true: Callable[[], Any]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not true():
            assert self.process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.02)

    def status(self) -> dict[str, Any]:
        return httpx.get(f"{self.url}/v1/status").raise_for_status().json()


@pytest.fixture
def process(valkey: str, tmp_path: Path) -> Iterator[Process]:
    running = Process(tmp_path, valkey)
    yield running
    running.process.kill()
    running.process.wait()


def test_sighup_takes_a_good_policy_and_refuses_a_bad_one_and_sigterm_drains(process: Process, valkey: str) -> None:
    before = process.status()["policy_digest"]
    process.policy.write_text("[defaults]\nlimit = -1\n")
    process.process.send_signal(signal.SIGHUP)
    process.until(lambda: process.lines("reload_refused"))
    assert "policy.toml: defaults.limit" in process.lines("reload_refused")[0]["reason"]
    assert process.status()["last_reload"].startswith("refused: ")
    assert process.status()["policy_digest"] == before

    process.policy.write_text("[defaults]\nlimit = 7\n")
    process.process.send_signal(signal.SIGHUP)
    process.until(lambda: process.lines("reloaded"))
    assert process.status()["policy_digest"] == process.lines("reloaded")[0]["policy"] != before

    with redis.Redis.from_url(valkey) as client:
        for at in range(200):
            client.xadd(keys(0).events, {"data": msgspec.json.encode({"agent": "bot", "id": f"e{at}"})})
        process.process.send_signal(signal.SIGTERM)
        assert process.process.wait(timeout=DEADLINE_S) == 0
        assert not process.lines("drain_late")
        assert not process.lines("parts_left")
        assert process.lines("daemon_stopped")
        assert client.exists(keys(0).checkpoint)
        assert not client.exists(keys(0).owner)
        assert client.xpending(keys(0).events, "agentwatch")["pending"] == 0


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[worker]\nbatch = 0\n", "worker.batch"),
        ("[worker]\nbatches = 5\n", "worker.batches"),
        ("[standing]\nmax = 5\n", "standing.max"),
        ("[redis]\nurl = 5\n", "redis.url"),
        ("[redis\n", "not TOML"),
        ('[policy]\nfiles = ["nowhere/*.toml"]\n', "policy.files"),
        ('[policy]\nfiles = ["bad.toml"]\n', "bad.toml: defaults.mode"),
        ('[policy]\nfiles = ["odd.toml"]\n', "rule odd: detectors.repeat.warm"),
        ('[redis]\nurl = "http://x"\n', "redis.url"),
        ('[redis]\nurl = "redis://127.0.0.1:1"\npassword = "file:/nowhere"\n', "redis.password"),
        ('[redis]\nurl = "redis://127.0.0.1:1"\npassword = "credential:x"\n', "redis.password"),
        ('[[receivers]]\nname = "a"\nurl = "x"\n[[receivers]]\nname = "a"\nurl = "y"\n', "receivers"),
        ('[api]\ntls_certificate = "x"\n', "api.tls_key"),
    ],
)
def test_a_wrong_configuration_ends_with_2_and_names_the_place(
    text: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    (tmp_path / "bad.toml").write_text('[defaults]\nmode = "sometimes"\n')
    (tmp_path / "odd.toml").write_text('[[rules]]\nname = "odd"\n[rules.detectors.repeat]\nwarm = 3\n')
    path = tmp_path / "agentwatch.toml"
    path.write_text(f'state_dir = "{tmp_path}"\n{text}')
    assert call(["run", "--config", str(path)]) == 2
    said = "".join(capsys.readouterr())
    assert named in "".join(said.split("\n")), said


def test_a_configuration_that_is_not_there_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["run", "--config", str(tmp_path / "none.toml")]) == 2
    assert "none.toml" in "".join("".join(capsys.readouterr()).split("\n"))

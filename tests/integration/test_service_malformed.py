"""A thousand entries of rubbish on a real daemon's stream and API: each is told by field, and no good event suffers."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
import redis

from agentwatch.keys import keys
from agentwatch.records import DeadLetter
from tests.ports import free_port

BAD, GOOD = 1000, 200
DEADLINE_S = 60.0


def rubbish(seed: int) -> Iterator[bytes]:
    """Bad events of every kind, without end; each is wrong in a way that no leniency can mend."""
    rng = random.Random(seed)

    def deep() -> bytes:
        return b'{"agent":"a","tags":' + b"[" * rng.randint(200, 5000) + b"}"

    kinds = (
        lambda: rng.randbytes(rng.randint(1, 60)) + b"\xff",  # not UTF-8
        lambda: b'{"agent":"a","input":"' + b"x" * (1 << 20) + b'"}',  # oversized
        deep,
        lambda: json.dumps({"agent": rng.randint(0, 9)}).encode(),  # wrong type
        lambda: json.dumps({"agent": "a", "ts": rng.randint(10**12, 10**13)}).encode(),  # milliseconds
        lambda: json.dumps({"agent": "a", "op": f"op{rng.randint(0, 99)}"}).encode(),  # no such operation
        lambda: json.dumps({"agent": "a", "input_tokens": -rng.randint(1, 99)}).encode(),  # negative
        lambda: json.dumps({"agent": "a" * rng.randint(257, 900)}).encode(),  # too long a name
        lambda: json.dumps({"app": "no agent"}).encode(),  # the required field is missing
        lambda: json.dumps({"agent": "a", "v": rng.randint(2, 9)}).encode(),  # another version
        lambda: json.dumps({"agent": "a", "cost_usd": rng.choice(["dear", -1, 1e300])}).encode(),
        lambda: b'{"agent":"a","run":"' + b"r" * rng.randint(0, 20),  # cut off
        lambda: json.dumps([{"agent": "a"}]).encode(),  # a list
        lambda: rng.choice([b"", b"null", b"17", b'"text"', b"{}", b"[]", b"{,}", b"\x00"]),
        lambda: json.dumps({"agent": "a", "tags": {str(n): "x" for n in range(17)}}).encode(),
        lambda: json.dumps({"agent": "a", "fp": {"kid": "k", "input": {"exact": "zz"}}}).encode(),
    )
    while True:
        yield rng.choice(kinds)()


def good(at: int) -> bytes:
    return json.dumps({"agent": "worker", "id": f"good-{at}", "op": "chat", "output": f"step {at} is done"}).encode()


class Daemon:
    def __init__(self, directory: Path, url: str) -> None:
        self.port = free_port()
        config = directory / "agentwatch.toml"
        config.write_text(f'[redis]\nurl = "{url}"\n[api]\nport = {self.port}\nloopback_without_token = true\n')
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AGENTWATCH_")}
        self.log = directory / "daemon.log"
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "agentwatch", "run", "--config", str(config)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30, trust_env=False)

    def until(self, true: object) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not true():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.02)

    def ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return self.http.get("/readyz").status_code == 200
        return False

    def events(self) -> int:
        return int(self.http.get("/v1/status").json()["events"])

    def stop(self) -> None:
        self.http.close()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=30) == 0


@pytest.fixture
def daemon(valkey: str, tmp_path: Path) -> Iterator[Daemon]:
    running = Daemon(tmp_path, valkey)
    running.until(running.ready)
    yield running
    running.stop()


def test_rubbish_on_the_stream_becomes_dead_letters_that_name_the_field(valkey: str, daemon: Daemon) -> None:
    entries = rubbish(7)
    mixed = [next(entries) for _ in range(BAD)] + [good(at) for at in range(GOOD)]
    random.Random(8).shuffle(mixed)
    with contextlib.closing(redis.Redis.from_url(valkey)) as client:
        for data in mixed:
            client.xadd(keys(0).events, {"data": data})
        daemon.until(lambda: daemon.events() == BAD + GOOD)
        # An event is counted when it was computed, and its dead letter is there once that was committed.
        daemon.until(lambda: client.xpending(keys(0).events, "agentwatch")["pending"] == 0)
        letters = [msgspec.json.decode(f[b"data"], type=DeadLetter) for _, f in client.xrange(keys(0).dead)]
    assert len(letters) == BAD
    assert all(letter.field and letter.reason and (letter.original or letter.cut) for letter in letters)
    assert {"agent", "ts", "op", "input_tokens", "v", "cost_usd", "tags"} <= {one.field for one in letters}
    run = daemon.http.get("/v1/run", params={"subject": "default/worker/run/worker"}).json()
    assert run["events"] == GOOD


def test_rubbish_on_the_api_is_answered_by_line_and_field(daemon: Daemon) -> None:
    entries = rubbish(9)
    for start in range(0, GOOD, 20):
        bad = [line for line in (next(entries) for _ in range(BAD // 10)) if b"\n" not in line and line.strip()]
        lines = bad + [good(at) for at in range(start, start + 20)]
        random.Random(start).shuffle(lines)
        kind = {"content-type": "application/x-ndjson"}
        answer = daemon.http.post("/v1/events", content=b"\n".join(lines)[: 64 << 20], headers=kind)
        if answer.status_code == 413:  # a request may be too large as a whole: then nothing of it counts
            small = [line for line in lines if len(line) < 10_000]
            answer = daemon.http.post("/v1/events", content=b"\n".join(small), headers=kind)
            bad = [line for line in bad if len(line) < 10_000]
        assert answer.status_code in (400, 422), answer.text[:500]
        told = answer.json()
        assert told["accepted"] == 20
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert len(told["errors"]) == min(len(bad), 100)
        assert all(error["reason"] and "line" in error for error in told["errors"])
    daemon.until(lambda: daemon.events() == GOOD)

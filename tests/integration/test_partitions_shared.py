"""Workers share partitions on a real cluster: they join, leave, die and are paused under load; nothing is lost."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from redis.cluster import RedisCluster

from agentwatch.keys import META, keys, partition
from agentwatch.records import Decision
from agentwatch.subject import run_subject
from tests.cluster import Cluster
from tests.conftest import free_port

pytestmark = pytest.mark.slow

PARTITIONS = 6
APPS = [f"app{at}" for at in range(18)]
LEASE_S = 2.0


class Worker:
    """A daemon in its own process."""

    def __init__(self, directory: Path, name: str, url: str) -> None:
        self.port = free_port()
        self.log = directory / f"{name}.log"
        config = directory / f"{name}.toml"
        config.write_text(
            f'state_dir = "{directory}/{name}"\n[redis]\nurl = "{url}"\nlease_s = {LEASE_S}\nlook_s = 0.2\n'
            f"[api]\nport = {self.port}\nloopback_without_token = true\n"
            "[worker]\nbatch = 50\nblock_s = 0.05\ncheckpoint_s = 0.5\nrenew_s = 0.4\n"
            "retry_s = 0.05\nretry_max_s = 0.2\n"
        )
        command = [sys.executable, "-m", "agentwatch", "run", "--config", str(config)]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("AGENTWATCH_")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def held(self) -> set[int]:
        with contextlib.suppress(httpx.HTTPError):
            answer = httpx.get(f"{self.url}/v1/status", timeout=2)
            if answer.is_success:
                return set(answer.json()["partitions_held"])
        return set()

    def end(self, how: signal.Signals) -> None:
        self.process.send_signal(how)
        self.process.wait(timeout=30)


class Load:
    """One looping run in each app, a step at a time, from a thread of its own."""

    def __init__(self, client: RedisCluster) -> None:
        self._client = client
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sent = dict.fromkeys(APPS, 0)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            for app in APPS:
                event = {
                    "id": f"{app}-{self.sent[app]}", "app": app, "agent": "bot", "run": f"r{self.sent[app] // 40}",
                    "op": "execute_tool", "tool": "read", "arguments": '{"path":"a"}', "result": "the same again",
                }  # fmt: skip
                index = partition("default", app, PARTITIONS)
                self._client.xadd(keys(index).events, {"data": msgspec.json.encode(event)})
                self.sent[app] += 1


def until(true: Callable[[], object], what: str, seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[Cluster, RedisCluster]]:
    cluster = Cluster(tmp_path / "cluster")
    cluster.start()
    client = RedisCluster.from_url(cluster.url)
    client.hset(META, "partitions", PARTITIONS)
    yield cluster, client
    client.close()
    cluster.stop()


@pytest.fixture
def started(tmp_path: Path, servers: tuple[Cluster, RedisCluster]) -> Iterator[Callable[[str], Worker]]:
    workers: list[Worker] = []

    def start(name: str) -> Worker:
        workers.append(Worker(tmp_path, name, servers[0].url))
        return workers[-1]

    yield start
    for worker in workers:
        if worker.process.poll() is None:
            worker.process.send_signal(signal.SIGCONT)
            worker.end(signal.SIGKILL)


def spread(*workers: Worker) -> list[int]:
    """How many partitions each holds, if every one is held by exactly one of them; else nothing."""
    held = [worker.held() for worker in workers]
    whole = sorted(index for one in held for index in one)
    return [len(one) for one in held] if whole == list(range(PARTITIONS)) else []


def committed(client: RedisCluster) -> int:
    return sum(int(client.hget(keys(index).committed, "index") or 0) for index in range(PARTITIONS))


def check(client: RedisCluster, sent: dict[str, int]) -> None:
    """Every event counted once; decisions numbered without gap or double; every run found once at each level."""
    assert committed(client) == sum(sent.values())
    runs = set()
    for index in range(PARTITIONS):
        rows = client.xrange(keys(index).decisions)
        decisions = [msgspec.json.decode(fields[b"data"], type=Decision) for _, fields in rows]
        assert [decision.seq for decision in decisions] == list(range(1, len(decisions) + 1))
        ups = [(one.subject, one.level, one.change) for one in decisions if one.change.value == "up" and not one.gate]
        assert len(ups) == len(set(ups))
        runs |= {one.run for one in decisions if one.kind == "repeat"}
        assert client.xpending(keys(index).events, "agentwatch")["pending"] == 0
    assert runs


def test_partitions_follow_the_workers_that_join_leave_die_and_wake_up(
    started: Callable[[str], Worker], servers: tuple[Cluster, RedisCluster]
) -> None:
    _, client = servers
    first = started("first")
    until(lambda: spread(first) == [6], "one worker takes all")
    with Load(client) as load:
        second = started("second")
        until(lambda: spread(first, second) == [3, 3], "the second is given half")
        third = started("third")
        until(lambda: spread(first, second, third) == [2, 2, 2], "the third is given a third")

        first.end(signal.SIGKILL)
        killed_at = time.monotonic()
        until(lambda: spread(second, third) == [3, 3], "the living take over from the dead")
        took_s = time.monotonic() - killed_at
        assert took_s < LEASE_S + 8

        second.process.send_signal(signal.SIGSTOP)
        until(lambda: spread(third) == [6], "a worker that is paused through its leases is replaced")
        second.process.send_signal(signal.SIGCONT)
        until(lambda: spread(second, third) == [3, 3], "it wakes, lets go of what is lost, and takes its share again")
        second.end(signal.SIGTERM)
        assert second.process.returncode == 0, second.log.read_text()
        until(lambda: spread(third) == [6], "a worker that leaves gives up all it held")
    until(lambda: committed(client) >= sum(load.sent.values()), "all is processed")
    third.end(signal.SIGTERM)
    check(client, load.sent)
    assert not any(client.exists(keys(index).owner) for index in range(PARTITIONS))


def test_any_worker_answers_for_every_partition(
    started: Callable[[str], Worker], servers: tuple[Cluster, RedisCluster]
) -> None:
    _, client = servers
    workers = (started("first"), started("second"))
    until(lambda: sorted(spread(*workers)) == [3, 3], "each takes half")
    with Load(client) as load:
        until(lambda: min(load.sent.values()) > 40, "each app has a looping run")
    until(lambda: committed(client) >= sum(load.sent.values()), "all is processed")
    for app in APPS:
        subject = run_subject("default", app, "r0")
        found = [httpx.get(f"{one.url}/v1/explain", params={"subject": subject}, timeout=5) for one in workers]
        assert [answer.status_code for answer in found] == [200, 200], found[0].text + found[1].text
        assert found[0].json()["words"][:1] == found[1].json()["words"][:1]
        asked = {"agent": "bot", "app": app, "run": "r0"}
        answers = [httpx.get(f"{one.url}/v1/decision", params=asked, timeout=5) for one in workers]
        assert [answer.status_code for answer in answers] == [403, 403]
        assert answers[0].headers["x-should-retry"] == answers[1].headers["x-should-retry"] == "false"
    listed = [
        decision["id"]
        for worker in workers
        for decision in httpx.get(f"{worker.url}/v1/decisions", params={"limit": 1000}, timeout=5).json()["decisions"]
    ]
    assert len(listed) == len(set(listed)) == sum(client.xlen(keys(index).decisions) for index in range(PARTITIONS))
    command = [sys.executable, "-m", "agentwatch", "partitions", "list", "--url", workers[1].url]
    shown = subprocess.run([*command, "-o", "json"], capture_output=True, text=True, check=True)
    rows = msgspec.json.decode(shown.stdout)
    assert [(row["index"], row["lag"]) for row in rows] == [(index, 0) for index in range(PARTITIONS)]
    assert {row["url"] for row in rows} == {worker.url for worker in workers}
    assert sum(row["events"] for row in rows) == sum(load.sent.values())
    pages, before = [], ""
    while True:
        answer = httpx.get(f"{workers[0].url}/v1/decisions", params={"limit": 7, "before": before}, timeout=5).json()
        pages += [decision["id"] for decision in answer["decisions"]]
        before = answer["next"]
        if not before:
            break
    assert len(pages) == len(set(pages)) == sum(client.xlen(keys(i).decisions) for i in workers[0].held())

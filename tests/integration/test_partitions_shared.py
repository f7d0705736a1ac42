"""Workers share partitions on a real cluster: they join, leave, die and are paused under load; nothing is lost."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import httpx
import msgspec
import pytest
from redis.cluster import RedisCluster

from agentwatch.keys import META, keys
from agentwatch.records import Decision
from agentwatch.subject import run_subject
from tests.cluster import Cluster
from tests.partitions import APPS, LEASE_S, Load, Worker, until

pytestmark = pytest.mark.slow

PARTITIONS = 6


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
    client.hset(META, "partitions", PARTITIONS)
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
    client.hset(META, "partitions", PARTITIONS)
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

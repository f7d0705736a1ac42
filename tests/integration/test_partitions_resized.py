"""The number of partitions changes under load, up and down: nothing is lost, doubled or forgotten."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec
import pytest
from redis.cluster import RedisCluster

from agentwatch.keys import META, keys, partition
from agentwatch.records import Command, Decision
from tests.cluster import Cluster
from tests.partitions import APPS, Load, Worker, until

pytestmark = pytest.mark.slow


def resize(worker: Worker, count: int) -> dict[str, int]:
    command = [sys.executable, "-m", "agentwatch", "partitions", "resize", str(count), "--yes", "-o", "json"]
    done = subprocess.run([*command, "--config", str(worker.config)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + worker.log.read_text()[-2000:]
    return msgspec.json.decode(done.stdout)


def everything(client: RedisCluster, most: int) -> list[Decision]:
    rows = [row for index in range(most) for row in client.xrange(keys(index).decisions)]
    return [msgspec.json.decode(fields[b"data"], type=Decision) for _, fields in rows]


def counted(workers: list[Worker]) -> int:
    """Events that were counted by the workers since they were started."""
    found = 0.0
    for worker in workers:
        for line in httpx.get(f"{worker.url}/metrics", timeout=5).text.splitlines():
            name, _, value = line.rpartition(" ")
            if name == 'agentwatch_events_total{outcome="counted"}':
                found += float(value)
    return int(found)


def test_nothing_is_lost_when_the_number_of_partitions_changes_under_load(
    started: Callable[[str], Worker], servers: tuple[Cluster, RedisCluster], tmp_path: Path
) -> None:
    _, client = servers
    client.hset(META, "partitions", 1)
    workers = [started("first"), started("second")]
    until(lambda: any(worker.held() for worker in workers), "somebody serves the one partition")
    with Load(client) as load:
        until(lambda: min(load.sent.values()) > 60, "every app has looping runs")
        grown = resize(workers[0], 5)
        assert (grown["before"], grown["after"], grown["apps"]) == (1, 5, len(APPS))
        assert grown["moved"] > 0
        until(lambda: sorted(len(worker.held()) for worker in workers) == [2, 3], "each takes its share")
        more = {app: count + 50 for app, count in load.sent.items()}
        until(lambda: all(load.sent[app] > more[app] for app in APPS), "the load goes on")
        shrunk = resize(workers[1], 2)
        assert (shrunk["before"], shrunk["after"]) == (5, 2)
        until(lambda: sorted(len(worker.held()) for worker in workers) == [1, 1], "each takes its share")
    total = sum(load.sent.values())
    until(lambda: counted(workers) >= total, "everything is counted", 60)
    assert counted(workers) == total

    decisions = everything(client, 5)
    effective = [d for d in decisions if d.change.value == "up" and not d.gate]
    doubled = Counter((d.subject, d.level) for d in effective)
    assert [key for key, times in doubled.items() if times > 1] == []
    # a subject's epochs only grow, wherever its decisions were made
    for subject in {d.subject for d in decisions}:
        own = sorted((d for d in decisions if d.subject == subject), key=lambda d: (d.at, d.seq))
        assert [d.seq for d in own] == sorted(d.seq for d in own)
    # every looping run was found, those too whose loop began before and ended after a change
    found = {(d.app, d.run) for d in decisions if d.change.value == "up" and d.level.name == "kill"}  # held back or not
    runs = {(app, f"r{number}") for app, count in load.sent.items() for number in range(count // 40)}
    assert runs <= found
    # what stands lies where its guard looks, and nowhere else
    for index in range(5):
        node = client.get_node_from_key(keys(index).events)
        for key in client.scan_iter(match=keys(index).control("*"), target_nodes=node):
            command = msgspec.json.decode(client.get(key), type=Command)
            tenant, app = command.subject.split("/")[:2]
            assert partition(tenant, app, 2) == index

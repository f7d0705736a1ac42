"""A cluster, and workers that share its partitions."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis.cluster import RedisCluster

from tests.cluster import Cluster, asking
from tests.partitions import Worker


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[Cluster, RedisCluster]]:
    """A cluster of three, and a client of it."""
    cluster = Cluster(tmp_path / "cluster")
    cluster.start()
    with asking(cluster.url) as client:
        yield cluster, client
    cluster.stop()


@pytest.fixture
def started(tmp_path: Path, servers: tuple[Cluster, RedisCluster]) -> Iterator[Callable[[str], Worker]]:
    """Start a worker by its name; whatever becomes of it, it does not outlive the test."""
    workers: list[Worker] = []

    def start(name: str) -> Worker:
        workers.append(Worker(tmp_path, name, servers[0].url))
        return workers[-1]

    yield start
    for worker in workers:
        if worker.process.poll() is None:
            worker.process.send_signal(signal.SIGCONT)
            worker.end(signal.SIGKILL)

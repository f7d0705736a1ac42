"""Workers in processes of their own on a real cluster, and a load of looping agents."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec
from redis.cluster import RedisCluster

from agentwatch.keys import META, keys, partition
from tests.ports import free_port

APPS = [f"app{at}" for at in range(18)]
LEASE_S = 2.0
LOOK_S = 3.0  # how old the number of partitions may be by which the load is sent


class Worker:
    """A daemon in its own process."""

    def __init__(self, directory: Path, name: str, url: str) -> None:
        self.port = free_port()
        self.log = directory / f"{name}.log"
        self.config = directory / f"{name}.toml"
        self.config.write_text(
            f'state_dir = "{directory}/{name}"\n[redis]\nurl = "{url}"\nlease_s = {LEASE_S}\nlook_s = 0.2\n'
            f"[api]\nport = {self.port}\nloopback_without_token = true\n"
            "[gate.breaker]\nsmall_limit = 100000\n"
            "[worker]\nbatch = 50\nblock_s = 0.05\ncheckpoint_s = 0.5\nrenew_s = 0.4\n"
            "retry_s = 0.05\nretry_max_s = 0.2\n"
        )
        command = [sys.executable, "-m", "agentwatch", "run", "--config", str(self.config)]
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
    """One looping run after the other in each app, sent by a number of partitions that is looked up now and then."""

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
        partitions, looked_at = 1, 0.0
        while not self._stop.wait(0.02):
            if time.monotonic() - looked_at > LOOK_S:
                partitions, looked_at = int(self._client.hget(META, "partitions") or 1), time.monotonic()
            for app in APPS:
                event = {
                    "id": f"{app}-{self.sent[app]}", "app": app, "agent": "bot", "run": f"r{self.sent[app] // 40}",
                    "op": "execute_tool", "tool": "read", "arguments": '{"path":"a"}', "result": "the same again",
                }  # fmt: skip
                index = partition("default", app, partitions)
                self._client.xadd(keys(index).events, {"data": msgspec.json.encode(event)})
                self.sent[app] += 1


def until(true: Callable[[], object], what: str, seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)

"""A daemon with an embedded server, ended as a terminal or `timeout` does it: the whole process group at once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import redis

from agentwatch.keys import keys
from agentwatch.service.embedded import EmbeddedValkey

DEADLINE_S = 30.0


def started(config: Path) -> tuple[subprocess.Popen[bytes], dict[str, str]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AGENTWATCH_")}
    log = config.with_suffix(".log")
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "agentwatch", "run", "--config", str(config)],
            env=environment,
            stderr=file,
            start_new_session=True,
        )
    deadline = time.monotonic() + DEADLINE_S
    while True:
        for line in log.read_bytes().splitlines():
            if b'"daemon_ready"' in line:
                return process, msgspec.json.decode(line)
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)


async def test_a_sigterm_to_the_whole_group_drains_and_loses_nothing(tmp_path: Path) -> None:
    config = tmp_path / "agentwatch.toml"
    config.write_text(
        f'state_dir = "{tmp_path}/state"\n[api]\nport = 0\nloopback_without_token = true\n'
        '[worker]\nblock_s = 0.1\nbatch = 50\n[log]\nformat = "json"\n'
    )
    process, ready = started(config)
    try:
        with redis.Redis.from_url(ready["redis"].removeprefix("embedded ")) as client:
            pipe = client.pipeline(transaction=False)
            for at in range(2000):
                pipe.xadd(keys(0).events, {"data": msgspec.json.encode({"agent": "bot", "id": f"e{at}"})})
            pipe.execute()
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 0
        log = config.with_suffix(".log").read_text()
        assert '"daemon_stopped"' in log
        assert '"level": "error"' not in log
        assert '"level":"error"' not in log
    finally:
        process.kill()
        process.wait()
    server = EmbeddedValkey(tmp_path / "state" / "valkey")
    with redis.Redis.from_url(await server.start()) as client:
        group = client.xinfo_groups(keys(0).events)[0]
        assert (group["pending"], group["lag"]) == (0, 2000 - int(client.hget(keys(0).committed, "index")))
        assert client.exists(keys(0).checkpoint)
    await server.stop()

"""The whole way, with a real daemon, broker and receiver: a loop is noticed, its guard obeys, on-call hears of it."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from agentwatch.client import AgentKilled, Emitter, Guard, ThreadGuard
from tests.ports import free_port

pytestmark = pytest.mark.slow

DEADLINE_S = 30.0
WITHIN_S = 1.0


class Receiver:
    """A webhook that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        told = self.told

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the name that http.server calls
                told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/alerts"
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Daemon:
    def __init__(self, directory: Path, redis_url: str, mqtt_url: str, webhook: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.redis, self.mqtt = redis_url, mqtt_url
        self.config = directory / "agentwatch.toml"
        self.config.write_text(
            f'[redis]\nurl = "{redis_url}"\n[mqtt]\nurl = "{mqtt_url}"\n'
            f"[api]\nport = {port}\nloopback_without_token = true\n"
            f"[verify]\nmin_silence_s = 1.0\n[worker]\nblock_s = 0.1\n"
            f'[[receivers]]\nname = "oncall"\nurl = "{webhook}"\n'
        )
        self.log = directory / "daemon.log"
        self.process: asyncio.subprocess.Process | None = None
        self.http = httpx.AsyncClient(base_url=self.url, timeout=20, trust_env=False)

    async def start(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AGENTWATCH_")}
        command = [sys.executable, "-m", "agentwatch", "run", "--config", str(self.config)]
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, env=environment)
        await self.until(self.ready)

    async def ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return (await self.http.get("/readyz")).status_code == 200
        return False

    async def until(self, true: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + DEADLINE_S
        while True:
            found = true()
            found = await found if asyncio.iscoroutine(found) else found
            if found:
                return found
            assert time.monotonic() < deadline, self.log.read_text()[-4000:]
            await asyncio.sleep(0.01)

    async def decisions(self, run: str) -> list[dict[str, Any]]:
        found = (await self.http.get("/v1/decisions", params={"limit": 500})).json()["decisions"]
        return [decision for decision in found if decision["run"] == run]

    async def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(self.process.wait(), 30) == 0
        await self.http.aclose()


@pytest.fixture
async def daemon(valkey: str, broker: Any, tmp_path: Path) -> AsyncIterator[tuple[Daemon, Receiver]]:
    receiver = Receiver()
    running = Daemon(tmp_path, valkey, broker.url, receiver.url)
    await running.start()
    yield running, receiver
    await running.stop()
    receiver.stop()


async def loop_until_killed(guard: Guard, emitter: Emitter) -> float:
    """Make the same call with the same answer until the guard raises; gives the wall time of that moment."""
    try:
        while True:
            await guard.check()
            answer = "the report covers revenue, costs and the outlook of the third quarter"
            who = guard.identity.fields() | {"epoch": guard.epoch}
            emitter.emit(**who, op="execute_tool", tool="summarise", arguments='{"path": "q3.pdf"}', result=answer)
            await asyncio.sleep(0.03)
    except AgentKilled:
        return time.time()


def loop_in_thread(daemon: Daemon) -> float:
    with ThreadGuard("threaded", app="crew", run="t-1", redis=daemon.redis) as guard:
        try:
            while True:
                guard.check()
                guard.emit(op="execute_tool", tool="look", arguments="{}", result="", status="empty")
                guard.stopping.wait(0.03)
        except AgentKilled:
            return time.time()


async def test_loops_are_stopped_within_a_second_of_the_decision_and_on_call_hears_of_it(
    daemon: tuple[Daemon, Receiver],
) -> None:
    running, receiver = daemon
    paths = {"redis": {"redis": running.redis}, "mqtt": {"mqtt": running.mqtt}, "http": {"http": running.url}}
    with Emitter(redis_url=running.redis) as emitter:

        async def play(name: str, path: dict[str, str]) -> tuple[str, float]:
            async with Guard(name, app="crew", run=f"{name}-1", task="report", **path) as guard:
                return f"{name}-1", await guard.run(loop_until_killed(guard, emitter))

        async def cancelled(name: str, path: dict[str, str]) -> tuple[str, float]:
            try:
                return await play(name, path)
            except AgentKilled:
                return f"{name}-1", time.time()

        stops = await asyncio.gather(
            asyncio.to_thread(loop_in_thread, running), *(cancelled(name, path) for name, path in paths.items())
        )
    for run, at in [("t-1", stops[0]), *stops[1:]]:
        kill = next(d for d in await running.decisions(run) if d["level"] == "kill" and d["change"] == "up")
        assert not kill.get("gate"), kill
        assert at - kill["at"] < WITHIN_S, (run, at - kill["at"])
        await running.until(lambda run=run: verified(running, run))
    found = await running.until(lambda: resolved(receiver))
    assert {"crew"} == {one["incident"]["app"] for one in receiver.told}
    assert all(state in {one["incident"]["state"] for one in receiver.told} for state in ("opened", "resolved"))
    assert "summarise" in found["body"]
    assert "agentwatch resume" in found["body"] or "agentwatch allow" in found["body"]


async def verified(running: Daemon, run: str) -> bool:
    return any(d["change"] == "verified" for d in await running.decisions(run))


def resolved(receiver: Receiver) -> dict[str, Any] | None:
    told = receiver.told
    ends = [one for one in told if one["incident"]["state"] == "resolved" and one["incident"]["run"] == "redis-1"]
    return ends[0] if ends else None


async def test_what_was_killed_stays_dead_over_a_restart_and_an_innocent_run_lives(
    daemon: tuple[Daemon, Receiver],
) -> None:
    running, _ = daemon
    with Emitter(redis_url=running.redis) as emitter:
        async with Guard("worker", app="crew", run="w-1", task="nightly", redis=running.redis) as guard:
            await loop_until_killed(guard, emitter)
        assert running.process is not None
        running.process.send_signal(signal.SIGKILL)
        await running.process.wait()
        await running.start()
        async with Guard("worker", app="crew", run="w-2", task="nightly", redis=running.redis) as again:
            begun = time.time()
            assert await loop_until_killed(again, emitter) - begun < WITHIN_S, (
                "a restart of the task must not get going"
            )
        # A scheduler that asks nobody: its new run is killed at its first event.
        emitter.emit(agent="worker", app="crew", run="w-3", task="nightly", op="run_start", tenant="default")
        emitter.emit(agent="worker", app="crew", run="w-4", task="other", op="run_start", tenant="default")
        found = await running.until(lambda: running.decisions("w-3"))
        assert found[0]["origin"] == "tombstone"
        assert found[0]["level"] == "kill"
        async with Guard("worker", app="crew", run="w-4", task="other", redis=running.redis) as innocent:
            await innocent.check()
        assert await running.decisions("w-4") == []

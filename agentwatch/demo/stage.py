"""Starts the demo's processes, a daemon with its embedded server and one process for each role, and ends them all."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import IO, Self, TypeVar

import httpx
import msgspec

from agentwatch.demo.agent import Report
from agentwatch.demo.cast import CAST
from agentwatch.errors import Unavailable
from agentwatch.records import Decision
from agentwatch.views import RunView, StatusView

__all__ = ["Stage"]

T = TypeVar("T")
_START_S = 60.0
_END_S = 15.0


class Stage:
    """The running processes of one demo. Everything lives in a temporary directory and is gone afterwards."""

    def __init__(self, pace_s: float) -> None:
        self._pace_s = pace_s
        self._directory = TemporaryDirectory(prefix="agentwatch-demo-")
        self._logs: list[IO[bytes]] = []
        self._daemon: subprocess.Popen[bytes] | None = None
        self._agents: dict[str, subprocess.Popen[bytes]] = {}
        self._reports: dict[str, Report] = {}
        self._http = httpx.Client(timeout=5.0, trust_env=False)
        self._redis = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start_daemon(self) -> None:
        """Start the daemon under the shipped policy and wait until it is ready. Raises `Unavailable` with its log."""
        home = Path(self._directory.name)
        redis_port, api_port = _free_ports(2)
        self._redis = f"redis://127.0.0.1:{redis_port}"
        self._http.base_url = httpx.URL(f"http://127.0.0.1:{api_port}")
        config = home / "agentwatch.toml"
        config.write_text(
            f'state_dir = "{home / "state"}"\n'
            f"[redis]\nembedded_port = {redis_port}\n"
            f"[api]\nport = {api_port}\nloopback_without_token = true\n"
        )
        command = [sys.executable, "-m", "agentwatch", "run", "--config", str(config)]
        self._daemon = self._spawn("daemon", command)
        deadline = time.monotonic() + _START_S
        while not self._ready():
            if self._daemon.poll() is not None or time.monotonic() > deadline:
                raise Unavailable(f"the daemon did not start:\n{self._tail('daemon')}")
            time.sleep(0.1)

    def start_agents(self) -> None:
        """Start one process for each role."""
        for role in CAST:
            command = [sys.executable, "-m", "agentwatch.demo.agent", role.name, "--redis", self._redis]
            command += ["--pace", str(self._pace_s)]
            self._agents[role.name] = self._spawn(role.name, command)

    def running(self) -> list[str]:
        """List the agents that still run; those that ended have left a report."""
        for name, process in self._agents.items():
            if name not in self._reports and process.poll() is not None:
                self._reports[name] = self._read(name, process)
        return [name for name in self._agents if name not in self._reports]

    def report(self, name: str) -> Report | None:
        """Give what an agent told at its end."""
        return self._reports.get(name)

    def status(self) -> StatusView | None:
        """Ask the daemon how it is."""
        return self._get("/v1/status", StatusView)

    def run(self, name: str) -> RunView | None:
        """Ask the daemon for an agent's run."""
        return self._get("/v1/run", RunView, subject=f"default/demo/run/{name}-1")

    def decisions(self) -> list[Decision]:
        """Ask the daemon for the latest decisions, newest first."""
        page = self._get("/v1/decisions", _Decisions, limit=500)
        return page.decisions if page is not None else []

    def close(self) -> None:
        """End every process: first the agents, then the daemon, which drains."""
        for process in self._agents.values():
            _end(process, 2.0)
        if self._daemon is not None:
            _end(self._daemon, _END_S)
        self._http.close()
        for log in self._logs:
            log.close()
        self._directory.cleanup()

    def _spawn(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        log = self._log(name)
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=_plain())  # noqa: S603  # our own words

    def _read(self, name: str, process: subprocess.Popen[bytes]) -> Report:
        out = process.stdout.read() if process.stdout is not None else b""
        try:
            return msgspec.json.decode(out.strip().rpartition(b"\n")[2], type=Report)
        except msgspec.MsgspecError as error:
            raise Unavailable(f"agent {name} failed:\n{self._tail(name)}") from error

    def _ready(self) -> bool:
        try:
            return self._http.get("/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    def _get(self, path: str, kind: type[T], **query: str | int) -> T | None:
        try:
            answer = self._http.get(path, params=query)
        except httpx.HTTPError:
            return None
        return msgspec.json.decode(answer.content, type=kind) if answer.status_code == 200 else None

    def _log(self, name: str) -> IO[bytes]:
        log = (Path(self._directory.name) / f"{name}.log").open("wb")
        self._logs.append(log)
        return log

    def _tail(self, name: str) -> str:
        return (Path(self._directory.name) / f"{name}.log").read_text(errors="replace")[-2000:]


class _Decisions(msgspec.Struct):
    decisions: list[Decision]


def _plain() -> dict[str, str]:
    """Give the environment without settings that are meant for another daemon."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AGENTWATCH_")}


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _end(process: subprocess.Popen[bytes], within_s: float) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(within_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()

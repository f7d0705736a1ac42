"""The same events give the same verdicts: replayed, streamed into a daemon, and with the daemon killed on its way."""

import contextlib
import gzip
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import redis

from agentwatch.config import Config
from agentwatch.keys import keys
from agentwatch.records import Change, Decision, Event, Origin
from agentwatch.service.composing import make_rulebook
from agentwatch.service.replaying import Replay
from agentwatch.testing import LOOK_ALIKES, LOOPS

pytestmark = pytest.mark.slow

TRACES = Path(__file__).parents[3] / "shared" / "traces" / "events.jsonl.gz"
DEADLINE_S = 90.0
Verdict = tuple[object, ...]


def synthetic() -> list[bytes]:
    """Every loop and look-alike that the project can build, each as an app of its own, interleaved."""
    runs = []
    for name, make in sorted({**LOOPS, **LOOK_ALIKES}.items()):
        runs.append([msgspec.structs.replace(e, app=name, id=f"{name}/{at}") for at, e in enumerate(make())])
    mixed = [event for row in itertools.zip_longest(*runs) for event in row if event is not None]
    return [msgspec.json.encode(event) for event in mixed]


def recorded() -> list[bytes]:
    if not TRACES.exists():
        pytest.skip("the labelled traces are not part of the project and are not here")
    with gzip.open(TRACES) as lines:
        return [line.rstrip(b"\n") for line in lines]


def verdict(decision: Decision) -> Verdict:
    """What was judged, before the gate."""
    evidence = decision.evidence
    return (
        *(decision.event_id, decision.subject, decision.kind, decision.change, decision.level, decision.previous),
        *(decision.reason, decision.speaks_for, decision.speaks_against, round(decision.confidence, 9)),
        *(evidence.count, evidence.period, evidence.onset_id, evidence.event_ids, evidence.cost_nusd, decision.index),
    )


def judged(decisions: Iterator[Decision]) -> list[Verdict]:
    changes = (Change.up, Change.down)
    return [verdict(d) for d in decisions if d.origin is Origin.policy and d.change in changes]


def replayed(lines: list[bytes]) -> list[Verdict]:
    replay = Replay(Config(), make_rulebook(Config(), {}))
    return judged(replay.changes(enumerate(lines, 1)))


class Daemon:
    """A real daemon in its own process on a given Redis."""

    def __init__(self, directory: Path, url: str, batch: int) -> None:
        self.log = directory / "daemon.log"
        config = directory / "agentwatch.toml"
        config.write_text(
            f'[redis]\nurl = "{url}"\n[api]\nenabled = false\n'
            f"[worker]\nbatch = {batch}\nblock_s = 0.05\ncheckpoint_s = 0.2\n"
            "checkpoint_fork_runs = 1\n"
        )
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AGENTWATCH_")}
        command = [sys.executable, "-m", "agentwatch", "run", "--config", str(config)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    def end(self, name: signal.Signals) -> None:
        self.process.send_signal(name)
        self.process.wait(timeout=30)


def committed(client: redis.Redis) -> int:
    value = client.hget(keys(0).committed, "index")
    return int(value) if value is not None else 0


def until_committed(client: redis.Redis, daemon: Daemon, at_least: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while committed(client) < at_least:
        assert daemon.process.poll() is None, daemon.log.read_text()
        assert time.monotonic() < deadline, daemon.log.read_text()[-3000:]
        time.sleep(0.01)


def streamed(client: redis.Redis) -> list[Decision]:
    rows = client.xrange(keys(0).decisions)
    return [msgspec.json.decode(fields[b"data"], type=Decision) for _, fields in rows]


@pytest.mark.parametrize(
    ("name", "kills"),
    [("synthetic", 0), ("synthetic", 3), pytest.param("traces", 4, marks=pytest.mark.traces)],
    ids=["undisturbed", "killed", "traces-killed"],
)
def test_a_daemon_gives_the_verdicts_of_the_replay_none_lost_and_none_doubled(
    valkey: str, tmp_path: Path, name: str, kills: int
) -> None:
    lines = recorded() if name == "traces" else synthetic()
    expected = replayed(lines)
    assert expected, "a test of verdicts needs some"
    with contextlib.closing(redis.Redis.from_url(valkey)) as client:
        with client.pipeline(transaction=False) as pipe:
            for line in lines:
                pipe.xadd(keys(0).events, {"data": line})
            pipe.execute()
        batch = max(10, len(lines) // 60)
        for part in range(1, kills + 1):
            daemon = Daemon(tmp_path, valkey, batch)
            until_committed(client, daemon, len(lines) * part // (kills + 1))
            daemon.end(signal.SIGKILL)
            assert committed(client) < len(lines), "killed too late to be in mid-stream"
        daemon = Daemon(tmp_path, valkey, batch)
        until_committed(client, daemon, len(lines))
        daemon.end(signal.SIGTERM)
        assert daemon.process.returncode == 0, daemon.log.read_text()
        decisions = streamed(client)
        pending = client.xpending(keys(0).events, "agentwatch")["pending"]

    assert judged(iter(decisions)) == expected
    assert [d.seq for d in decisions] == list(range(1, len(decisions) + 1))
    assert len({d.id for d in decisions}) == len(decisions)
    assert pending == 0


def test_events_of_the_builders_are_well_formed() -> None:
    for line in synthetic():
        msgspec.json.decode(line, type=Event)

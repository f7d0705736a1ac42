"""A rolling upgrade with two real versions beside each other on one Redis: `python -m bench.upgrade OLD_TREE`.

OLD_TREE is a checkout of another version. Its daemon works while events come in; this version's daemon waits beside it,
takes over when the old one is stopped, is killed without a word and started again. At the end every event must be
committed once, the decision log must have no gap, no subject may be killed twice, and everybody whom this version
kills in an undisturbed replay of what both saw must be killed.
"""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import redis

from agentwatch.config import Config
from agentwatch.keys import keys
from agentwatch.records import Decision, Level
from agentwatch.service.composing import make_rulebook
from agentwatch.service.embedded import EmbeddedOptions, EmbeddedValkey
from agentwatch.service.replaying import Replay
from agentwatch.testing import LOOK_ALIKES, LOOPS

HERE = Path(__file__).resolve().parent.parent
DEADLINE_S = 90.0
K = keys(0)


def lines(copies: int) -> list[bytes]:
    """Interleave loops and look-alikes, each copy as an app of its own."""
    runs = []
    for copy in range(copies):
        for name, make in sorted({**LOOPS, **LOOK_ALIKES}.items()):
            app = f"{name}-{copy}"
            runs.append([msgspec.structs.replace(e, app=app, id=f"{app}/{at}") for at, e in enumerate(make())])
    mixed = [event for row in itertools.zip_longest(*runs) for event in row if event is not None]
    shift = time.time() - max(event.ts for event in mixed)
    return [msgspec.json.encode(msgspec.structs.replace(event, ts=event.ts + shift)) for event in mixed]


class Daemon:
    def __init__(self, tree: Path, directory: Path, url: str, name: str) -> None:
        self.log = directory / f"{name}.log"
        config = directory / f"{name}.toml"
        config.write_text(
            f'state_dir = "{directory}"\n[redis]\nurl = "{url}"\nlease_s = 2.0\n[api]\nenabled = false\n'
            "[gate.staleness]\nenabled = false\n[worker]\nbatch = 20\nblock_s = 0.05\ncheckpoint_s = 0.5\n"
        )
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AGENTWATCH_")}
        environment["PYTHONPATH"] = str(tree)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "agentwatch", "run", "--config", str(config)],
                stdout=log, stderr=log, env=environment, cwd=tree,
            )  # fmt: skip

    def end(self, how: signal.Signals) -> None:
        self.process.send_signal(how)
        self.process.wait(timeout=30)


def committed(client: redis.Redis) -> int:
    return int(client.hget(K.committed, "index") or 0)


def feed(client: redis.Redis, part: list[bytes], working: Daemon) -> None:
    """Give events a few at a time, and wait until they are committed."""
    goal = committed(client) + len(part)
    for data in part:
        client.xadd(K.events, {"data": data})
    deadline = time.monotonic() + DEADLINE_S
    while committed(client) < goal:
        if time.monotonic() > deadline or working.process.poll() is not None:
            raise SystemExit(f"{committed(client)} of {goal} committed\n{working.log.read_text()[-2000:]}")
        time.sleep(0.02)


def holder(client: redis.Redis) -> str:
    return (client.get(K.owner) or b"").decode().rpartition(" ")[2]


def until_held_by(client: redis.Redis, daemon: Daemon) -> float:
    started = time.monotonic()
    while holder(client) != str(daemon.process.pid):
        if time.monotonic() - started > DEADLINE_S:
            raise SystemExit(daemon.log.read_text()[-2000:])
        time.sleep(0.02)
    return time.monotonic() - started


def was_refused(daemon: Daemon) -> bool:
    """Wait until an old daemon has either refused the newer state by name or taken it over."""
    started = time.monotonic()
    while time.monotonic() - started < DEADLINE_S:
        if "format" in daemon.log.read_text():
            return True
        if daemon.process.poll() is not None:
            return False
        time.sleep(0.05)
    return False


def upgrade(old_tree: Path, directory: Path, url: str) -> int:
    given = lines(4)
    parts = [given[at * len(given) // 4 : (at + 1) * len(given) // 4] for at in range(4)]
    with redis.Redis.from_url(url) as client:
        old = Daemon(old_tree, directory, url, "old")
        until_held_by(client, old)
        feed(client, parts[0], old)
        new = Daemon(HERE, directory, url, "new")
        feed(client, parts[1], old)
        old.end(signal.SIGTERM)
        took_s = until_held_by(client, new)
        feed(client, parts[2], new)
        new.end(signal.SIGKILL)
        again = Daemon(HERE, directory, url, "again")
        until_held_by(client, again)
        feed(client, parts[3], again)
        back = Daemon(old_tree, directory, url, "back")
        again.end(signal.SIGTERM)
        refused = was_refused(back)
        back.end(signal.SIGKILL)
        return report(client, given, took_s, refused)


def report(client: redis.Redis, given: list[bytes], took_s: float, refused: bool) -> int:
    decided = [msgspec.json.decode(fields[b"data"], type=Decision) for _, fields in client.xrange(K.decisions)]
    replay = Replay(Config(), make_rulebook(Config(), {}))
    expected = {d.subject for d in replay.changes(enumerate(given, 1)) if d.level is Level.kill}
    killed = [d.subject for d in decided if d.level is Level.kill and d.change in ("up", "released") and not d.gate]
    held = {d.subject for d in decided if d.level is Level.kill and d.gate}
    lost = len(given) - committed(client)
    gaps = [d.seq for d, at in zip(decided, itertools.count(1), strict=False) if d.seq != at]
    missed = expected - set(killed) - held
    rows = [
        ("events", len(given)),
        ("events lost", lost),
        ("decisions", len(decided)),
        ("gaps in the log", len(gaps)),
        ("decided twice", len(decided) - len({d.id for d in decided})),
        ("killed twice", len(killed) - len(set(killed))),
        ("due to be killed", len(expected)),
        ("neither killed nor held", len(missed)),
        ("handover in seconds", round(took_s, 2)),
        ("the old version refused the newer state", "yes" if refused else "no"),
    ]
    for name, value in rows:
        print(f"{name:<42}{value}")
    return 1 if lost or gaps or missed or len(killed) != len(set(killed)) else 0


async def main(old_tree: Path) -> int:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        server = EmbeddedValkey(directory / "valkey", EmbeddedOptions(port=0, appendfsync="always"))
        url = await server.start()
        try:
            return await asyncio.to_thread(upgrade, old_tree, directory, url)
        finally:
            await server.stop()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(Path(sys.argv[1]).resolve())))

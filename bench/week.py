"""A week of traffic with a million run ids that come and go, through the whole path and a real server.

`python -m bench.week [--runs 1000000] [--days 7]` prints, for each part of the week, what is tracked, the memory of the
process and of the server, and its disk. Time is simulated: entries carry the times of the week, and
the real Valkey trims by their ids. One run in a hundred loops, and one app floods once a day.
"""

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from agentwatch import checkpointing
from agentwatch.config import Config
from agentwatch.connection import RedisOptions, connect
from agentwatch.keys import keys
from agentwatch.observe import LogOptions, configure_logging
from agentwatch.pipeline import Pipeline
from agentwatch.records import Batch, Entry, Tick
from agentwatch.service.bounds import bounds
from agentwatch.service.composing import make_pipeline, make_rulebook
from agentwatch.service.embedded import EmbeddedOptions, EmbeddedValkey
from agentwatch.service.hub import Hub
from agentwatch.store.redis import RedisStore

START = 1_700_000_000.0
DAY_S = 86400.0
BATCH, PACE_S = 500, 30.0
APPS = 400
K = keys(0)
HEAD = (
    f"{'day':>5} {'events':>11} {'run ids':>9} {'runs':>7} {'agents':>7} {'rss MB':>7} {'server MB':>9} {'disk MB':>8}"
)
encode = msgspec.json.Encoder().encode


class Sample(Struct, frozen=True):
    """What was held at one moment of the week."""

    day: float
    events: int
    opened: int
    runs: int
    agents: int
    used: dict[str, int]
    checkpoint: int
    state_entries: int


def traffic(runs: int, days: float, flood: int = 0) -> Iterator[tuple[float, bytes]]:
    """Give each event with its time: runs of one to three calls, or of twenty that loop."""
    gap = days * DAY_S / runs
    live: list[tuple[int, int, int]] = []  # run, calls so far, calls in all
    for number in range(runs):
        now = START + number * gap
        live.append((number, 0, 20 if number % 100 == 0 else 1 + number % 3))
        if flood and number % max(1, int(runs / days)) == 0:
            for call in range(flood):
                yield now, event(now, number, call, app="flooding", loops=False)
        for run, calls, _ in live:
            yield now, event(now, run, calls, app=f"app-{run % APPS}", loops=run % 100 == 0)
        live = [(run, calls + 1, most) for run, calls, most in live if calls + 1 < most]


def event(now: float, run: int, call: int, *, app: str, loops: bool) -> bytes:
    said = "the same again" if loops else f"page {run * 31 + call} of the report says {run * 7 + call * 13}"
    return encode(
        {
            "id": f"{run}-{app}-{call}", "ts": now, "agent": f"agent-{run % 2000}", "app": app, "run": f"run-{run}",
            "task": f"task-{run}" if run % 3 == 0 else "", "op": "execute_tool", "tool": "read", "step": call,
            "arguments": "{}" if loops else f'{{"page": {call}}}', "result": said, "cost_usd": 0.001,
        }
    )  # fmt: skip


def batches(given: Iterator[tuple[float, bytes]]) -> Iterator[Batch]:
    """Read them as a daemon does that is not idle: by hundreds, and at least every half minute."""
    began = last = START
    entries: list[Entry] = []
    for number, (at, data) in enumerate(given):
        if len(entries) >= BATCH or (entries and at - began > PACE_S):
            yield Batch(Tick(last), tuple(entries))
            entries, began = [], at
        entries.append(Entry(f"{int(at * 1000)}-{number}", data))
        last = at
    yield Batch(Tick(last), tuple(entries))


def sample(path: Pipeline, config: Config, now: float, checkpoint: int) -> Sample:
    stats = path.parts.bank.stats()
    used = {bound.name: bound.used for bound in bounds(path, Hub(), config)}
    return Sample(
        round((now - START) / DAY_S, 2), path.positions.index, path.opened, stats["runs"], stats["agents"], used,
        checkpoint, sum(used.values()),
    )  # fmt: skip


def live(config: Config, runs: int, days: float, samples: int, flood: int = 0) -> Iterator[Sample]:
    """Live through the week in memory alone, with a checkpoint's size at each sample."""
    path = make_pipeline(config, make_rulebook(config, {}))
    every = days * DAY_S / samples
    due = START + every
    for batch in batches(traffic(runs, days, flood)):
        path.step(batch)
        if batch.tick.at >= due:
            due += every
            stored = checkpointing.dump(path, batch.tick.at)
            yield sample(path, config, batch.tick.at, sum(map(len, stored.chunks)))


async def real(runs: int, days: float, samples: int, directory: Path) -> int:
    """Live through it with every commit in a real server that keeps its data on disk."""
    config = Config()
    server = EmbeddedValkey(directory / "valkey", EmbeddedOptions(port=0, appendfsync="no"))
    client = connect(await server.start(), RedisOptions())
    path = make_pipeline(config, make_rulebook(config, {}))
    store = RedisStore(client, 0)
    try:
        await store.open()
        every, due, started = days * DAY_S / samples, START + days * DAY_S / samples, time.perf_counter()
        print(HEAD)
        for batch in batches(traffic(runs, days, flood=30_000)):
            async with client.pipeline(transaction=False) as pipe:
                for entry in batch.entries:
                    pipe.execute_command("XADD", K.events, entry.id, "data", entry.data)
                await pipe.execute()
            await store.commit(path.step(batch))
            if batch.tick.at >= due:
                due += every
                stored = checkpointing.dump(path, batch.tick.at)
                await store.checkpoint(stored)
                now = sample(path, config, batch.tick.at, sum(map(len, stored.chunks)))
                info = await client.execute_command("INFO", "memory")
                told = info.decode() if isinstance(info, bytes) else str(info)
                memory = next(int(row.split(":")[1]) for row in told.splitlines() if row.startswith("used_memory:"))
                disk = disk_bytes(directory)
                print(
                    f"{now.day:>5} {now.events:>11,} {now.opened:>9,} {now.runs:>7,} {now.agents:>7,} "
                    f"{rss_mb():>7.0f} {memory / 1e6:>9.1f} {disk / 1e6:>8.1f}",
                    flush=True,
                )
        print(f"shed {path.parts.flood.total:,} events; {time.perf_counter() - started:.0f} s")
        print(f"{'bound':<30}{'limit':>12}{'used':>12}{'dropped':>12}")
        for bound in bounds(path, Hub(), config):
            print(f"{bound.name:<30}{bound.limit:>12,}{bound.used:>12,}{bound.dropped:>12,}")
    finally:
        await client.aclose()
        await server.stop()
    return 0


def disk_bytes(directory: Path) -> int:
    """Tell the size of all files under a directory."""
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())


def rss_mb() -> float:
    """Tell the memory of this process now, in megabytes; the most so far where /proc is not there."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return pages * resource.getpagesize() / 1e6


def main() -> int:
    """Read the arguments and live through it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--days", type=float, default=7.0)
    parser.add_argument("--samples", type=int, default=28)
    given = parser.parse_args()
    configure_logging(LogOptions(level="error"))
    with tempfile.TemporaryDirectory() as directory:
        return asyncio.run(real(given.runs, given.days, given.samples, Path(directory)))


if __name__ == "__main__":
    raise SystemExit(main())

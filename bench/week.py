"""A week of traffic with a million run ids that come and go, through the whole path and a real server.

`python -m bench.week [--runs 1000000] [--days 7]` prints, for each part of the week, what is tracked, the memory of the
process and of the server, and its disk, and ends with 1 where the last two days are above the second: the first fills
what is bounded. Time is simulated: entries carry the times of the week, and the real Valkey trims by their ids. One run
in a hundred loops, one app floods once a day, and the audit log is full from the start. Fewer runs have as many fewer
agents and smaller bounds: `--runs 100000` is the same week in three minutes.
"""

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from agentwatch import checkpointing
from agentwatch.config import Config
from agentwatch.connection import RedisOptions, connect
from agentwatch.keys import keys
from agentwatch.observe import LogOptions, configure_logging
from agentwatch.pipeline import Pipeline
from agentwatch.records import AuditLine, Batch, Entry, Tick
from agentwatch.service.bounds import bounds
from agentwatch.service.composing import make_pipeline, make_rulebook
from agentwatch.service.embedded import EmbeddedOptions, EmbeddedValkey
from agentwatch.service.hub import Hub
from agentwatch.service.seating import storing
from agentwatch.store.redis import RedisStore

RUNS = 1_000_000
# by how much the last two days may be above the second: a disk swings with each rewrite of the server's log
GROWTH = {"process": 0.05, "server": 0.05, "disk": 0.25}
SWING_MB = 8.0  # what allocator and collector leave lying about, however small the process is
_SHOWN_MB = 0.1
START = 1_700_000_000.0
DAY_S = 86400.0
BATCH, PACE_S = 500, 30.0
RENEWED = 10  # batches between two renewals of the lease
RUNS_AN_AGENT, AGENTS_AN_APP = 500, 5  # of the whole week; a shorter one has as many fewer
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
    agents = max(AGENTS_AN_APP, runs // RUNS_AN_AGENT)
    gap = days * DAY_S / runs
    live: list[tuple[int, int, int]] = []  # run, calls so far, calls in all
    for number in range(runs):
        now = START + number * gap
        live.append((number, 0, 20 if number % 100 == 0 else 1 + number % 3))
        if flood and number % max(1, int(runs / days)) == 0:
            for call in range(flood):
                yield now, event(now, number, call, agent="flooding", app="flooding", loops=False)
        for run, calls, _ in live:
            agent, app = run % agents, run % (agents // AGENTS_AN_APP)
            yield now, event(now, run, calls, agent=f"agent-{agent}", app=f"app-{app}", loops=run % 100 == 0)
        live = [(run, calls + 1, most) for run, calls, most in live if calls + 1 < most]


def event(now: float, run: int, call: int, *, agent: str, app: str, loops: bool) -> bytes:
    said = "the same again" if loops else f"page {run * 31 + call} of the report says {run * 7 + call * 13}"
    return encode(
        {
            "id": f"{run}-{app}-{call}", "ts": now, "agent": agent, "app": app, "run": f"run-{run}",
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


class Measure(Struct, frozen=True):
    """What process, server and disk held at one moment of the week, in megabytes."""

    day: float
    process: float
    server: float
    disk: float


async def real(config: Config, runs: int, days: float, samples: int, directory: Path) -> int:
    """Live through it with every commit in a real server that keeps its data on disk; 1 where it was not flat."""
    server = EmbeddedValkey(directory / "valkey", EmbeddedOptions(port=0, appendfsync="no"))
    client = connect(await server.start(), RedisOptions())
    path = make_pipeline(config, make_rulebook(config, {}))
    store = RedisStore(client, 0, storing(config))
    measured: list[Measure] = []
    try:
        await store.open()
        await fill_audit(store, path, config.audit.max_records)
        every, due, started = days * DAY_S / samples, START + days * DAY_S / samples, time.perf_counter()
        print(HEAD)
        for number, batch in enumerate(batches(traffic(runs, days, flood=runs * 3 // 100))):
            async with client.pipeline(transaction=False) as pipe:
                for entry in batch.entries:
                    pipe.execute_command("XADD", K.events, entry.id, "data", entry.data)
                await pipe.execute()
            await store.commit(path.step(batch))
            if number % RENEWED == 0:
                await store.renew()  # which adds up what commits owe to the ledgers
            if batch.tick.at >= due:
                due += every
                stored = checkpointing.dump(path, batch.tick.at)
                await store.checkpoint(stored)
                now = sample(path, config, batch.tick.at, sum(map(len, stored.chunks)))
                del stored
                measured.append(Measure(now.day, rss_mb(), await server_mb(client), disk_bytes(directory) / 1e6))
                show(now, measured[-1])
        print(f"shed {path.parts.flood.total:,} events; {time.perf_counter() - started:.0f} s")
        await show_bounds(path, config, client)
    finally:
        await client.aclose()
        await server.stop()
    return flat(measured)


async def fill_audit(store: RedisStore, path: Pipeline, records: int) -> None:
    """Begin with an audit log that is full: to fill it may take more than a week, and it must not grow beyond."""
    reason = "the same call of read with the same result, again and again; 16 in a row, 0 new results of 64"
    subject = "default/app-123/run/run-123456"
    for first in range(0, records, BATCH):
        lines = tuple(
            AuditLine(
                at=START, action="command_kill", who="agentwatch (policy)", ref=f"d0-{first + at}", subject=subject,
                level="kill", target="default", value="up", reason=reason, until=START + DAY_S,
            )
            for at in range(min(BATCH, records - first))
        )  # fmt: skip
        await store.commit(replace(path.step(Batch(Tick(START), ())), audit=lines))


def flat(measured: Sequence[Measure]) -> int:
    """Compare the level of the last two days, their median, with the second day's; 1 where anything grew by too much.

    The first day fills what is bounded. A disk swings with each rewrite of the server's log: it may differ more.
    """
    second = [one for one in measured if 1 < one.day <= 2]
    late = [one for one in measured if one.day > measured[-1].day - 2]
    if measured[-1].day < 4 or not second:
        print("too short to tell whether it is flat: four days at least")
        return 0
    grew = 0
    for name, allowed in GROWTH.items():
        was, now = (median(getattr(one, name) for one in days) for days in (second, late))
        told = "flat" if now <= was + max(was * allowed, SWING_MB if name == "process" else 0.0) else "GREW"
        grew |= told == "GREW"
        print(
            f"{name}: {was:.1f} MB on day 2, {now:.1f} MB in the last two: {now / was - 1:+.1%} ({allowed:.0%}) {told}"
        )
    return grew


def show(now: Sample, held: Measure) -> None:
    """Print one line of the table."""
    print(
        f"{now.day:>5} {now.events:>11,} {now.opened:>9,} {now.runs:>7,} {now.agents:>7,} "
        f"{held.process:>7.0f} {held.server:>9.1f} {held.disk:>8.1f}",
        flush=True,
    )


async def show_bounds(path: Pipeline, config: Config, client: Any) -> None:
    """Print what is bounded in the process, and what the server's keys hold."""
    print(f"{'bound':<30}{'limit':>12}{'used':>12}{'dropped':>12}")
    for bound in bounds(path, Hub(), config):
        print(f"{bound.name:<30}{bound.limit:>12,}{bound.used:>12,}{bound.dropped:>12,}")
    print(f"{'key':<46}{'MB':>8}")
    for key in sorted(await client.execute_command("KEYS", "*")):
        held = int(await client.execute_command("MEMORY", "USAGE", key, "SAMPLES", 100) or 0) / 1e6
        if held >= _SHOWN_MB:
            print(f"{key.decode():<46}{held:>8.2f}")


async def server_mb(client: Any) -> float:
    """Tell the memory that the server uses for its data, in megabytes."""
    info = await client.execute_command("INFO", "memory")
    told = info.decode() if isinstance(info, bytes) else str(info)
    return next(int(row.split(":")[1]) for row in told.splitlines() if row.startswith("used_memory:")) / 1e6


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


def scaled(share: float) -> Config:
    """Give the shipped configuration with what a share of the week's runs fills made as much smaller."""
    whole = Config()

    def fewer(bound: int) -> int:
        return max(100, int(bound * share))

    state, gate, redis = whole.state, whole.gate, whole.redis
    return replace(
        whole,
        state=replace(state, max_runs=fewer(state.max_runs), max_parents=fewer(state.max_parents)),
        gate=replace(
            gate,
            activity=replace(gate.activity, max_runs=fewer(gate.activity.max_runs)),
            outage=replace(gate.outage, max_runs=fewer(gate.outage.max_runs)),
        ),
        redis=replace(redis, log_keep=fewer(redis.log_keep)),
        audit=replace(whole.audit, max_records=fewer(whole.audit.max_records)),
    )


def main() -> int:
    """Read the arguments and live through it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="run ids in the week; bounds shrink with them")
    parser.add_argument("--days", type=float, default=7.0)
    parser.add_argument("--samples", type=int, default=28)
    given = parser.parse_args()
    configure_logging(LogOptions(level="error"))
    config = scaled(min(1.0, given.runs / RUNS))
    with tempfile.TemporaryDirectory() as directory:
        return asyncio.run(real(config, given.runs, given.days, given.samples, Path(directory)))


if __name__ == "__main__":
    raise SystemExit(main())

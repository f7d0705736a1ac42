"""What an event costs from the stream to the committed decision, beside a bare drain of the same stream.

Each round fills the stream, drains it bare (`XREADGROUP` + `XACK` by redis-py with hiredis), fills it again and lets
the real worker drain it with its real commits. The rounds are interleaved in one process, so the ratio holds on a
noisy machine. CPU is that of this process; the server has the other core.
"""

import argparse
import asyncio
import gc
import json
import statistics
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

from agentwatch.config import Config, WorkerOptions
from agentwatch.connection import RedisOptions, connect
from agentwatch.fingerprint.options import FingerprintOptions
from agentwatch.ingest.stream import RedisSource
from agentwatch.keys import keys
from agentwatch.records import Batch, Entry, Tick
from agentwatch.service.composing import make_pipeline, make_rulebook
from agentwatch.service.embedded import EmbeddedOptions, EmbeddedValkey
from agentwatch.service.hub import Hub
from agentwatch.service.worker import Worker
from agentwatch.store.log import RedisLog
from agentwatch.store.redis import RedisStore
from bench.workload import workload


async def fill(client, events: list[bytes]) -> None:
    await client.execute_command("FLUSHALL")
    for start in range(0, len(events), 500):
        async with client.pipeline(transaction=False) as pipe:
            for data in events[start : start + 500]:
                pipe.execute_command("XADD", keys(0).events, "*", "data", data)
            await pipe.execute()


async def bare(client, count: int) -> tuple[float, float]:
    """Drain as the plainest consumer would; gives wall and CPU seconds."""
    stream = keys(0).events
    await client.execute_command("XGROUP CREATE", stream, "bare", "0")
    wall, cpu = time.perf_counter(), time.process_time()
    done = 0
    while done < count:
        answer = await client.xreadgroup("bare", "one", {stream: ">"}, count=1000)
        ids = [entry for entry, _ in answer[0][1]]
        await client.xack(stream, "bare", *ids)
        done += len(ids)
    return time.perf_counter() - wall, time.process_time() - cpu


async def worked(client, count: int, config: Config) -> tuple[float, float, int]:
    """Drain with the worker; gives wall and CPU seconds, and the number of decisions."""
    rulebook = make_rulebook(config, {})
    worker = Worker(
        RedisSource(client, 0), RedisStore(client, 0), RedisLog(client, 0),
        lambda: make_pipeline(config, rulebook), Hub(), WorkerOptions(), lambda: None,
    )  # fmt: skip
    task = asyncio.create_task(worker.run())
    while not worker.ready:  # noqa: ASYNC110  # nothing tells when, and a millisecond costs nothing
        await asyncio.sleep(0.001)
    gc.collect()
    gc.freeze()
    wall, cpu = time.perf_counter(), time.process_time()
    while worker.pipeline.positions.index < count:
        if task.done():
            await task
        await asyncio.sleep(0.002)
    took = time.perf_counter() - wall, time.process_time() - cpu
    decisions = worker.pipeline.positions.seq
    worker.stop()
    await task
    gc.unfreeze()
    return *took, decisions


def memory(size: int, runs: int, each: int) -> float:
    """Tell the bytes of state a tracked run takes, with `each` events in every run."""
    config = Config(fingerprint=FingerprintOptions(cache_entries=1))  # the cache has a bound of its own
    pipeline = make_pipeline(config, make_rulebook(config, {}))
    events = workload(runs * each, runs=runs, size=size, looping=0.0, start=1_790_000_000.0)
    pipeline.step(Batch(Tick(1_790_000_000.0), ()))
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for at in range(0, len(events), 1000):
        entries = tuple(Entry(f"1790000000000-{at + k}", data) for k, data in enumerate(events[at : at + 1000]))
        pipeline.step(Batch(Tick(1_790_000_000.0), entries))
    del events
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (after - before) / runs


async def rounds(args: argparse.Namespace) -> dict[str, object]:
    config = Config()
    with tempfile.TemporaryDirectory() as directory:
        server = EmbeddedValkey(Path(directory), EmbeddedOptions(appendfsync="everysec"))
        url = await server.start()
        # The bare drain is redis-py as it comes; the worker reads raw answers.
        from redis.asyncio import Redis

        plain, client = Redis.from_url(url), connect(url, RedisOptions(timeout_s=60))
        found: dict[str, list[float]] = {name: [] for name in ("bare_wall", "bare_cpu", "wall", "cpu")}
        decisions = 0
        for _ in range(args.rounds):
            events = workload(args.events, runs=args.runs, size=args.size, looping=args.looping, start=time.time())
            await fill(client, events)
            wall, cpu = await bare(plain, len(events))
            found["bare_wall"].append(wall)
            found["bare_cpu"].append(cpu)
            await fill(client, events)
            wall, cpu, decisions = await worked(client, len(events), config)
            found["wall"].append(wall)
            found["cpu"].append(cpu)
        await plain.aclose()
        await client.aclose()
        await server.stop()
    median = {name: statistics.median(values) for name, values in found.items()}
    count = args.events
    return {
        "events": count,
        "bytes": args.size,
        "runs": args.runs,
        "looping": args.looping,
        "decisions": decisions,
        "bare_events_per_s": round(count / median["bare_wall"]),
        "events_per_s": round(count / median["wall"]),
        "best_events_per_s": round(count / min(found["wall"])),
        "bare_cpu_us": round(median["bare_cpu"] / count * 1e6, 2),
        "cpu_us": round(median["cpu"] / count * 1e6, 2),
        "cpu_ratio": round(median["cpu"] / median["bare_cpu"], 2),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=30_000)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--looping", type=float, default=0.01)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory-runs", type=int, default=2000)
    args = parser.parse_args()
    found = asyncio.run(rounds(args))
    found["bytes_per_run"] = round(memory(args.size, args.memory_runs, 30))
    print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())

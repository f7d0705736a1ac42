"""What an event costs from the stream to the committed decision, beside a bare drain of the same stream.

`python -m bench.end_to_end` measures one row. Each round fills the stream (`XADD`), drains it bare (`XREADGROUP` +
`XACK` by redis-py with hiredis) and lets the real worker drain it with its real commits into a real server, by turns
the one or the other first. Rounds are interleaved in one process, so the ratio holds on a noisy machine. CPU is that of
this process; the server has the other core. Nothing is shed here: every event is judged.
"""

import argparse
import asyncio
import gc
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from agentwatch import checkpointing
from agentwatch.cancellation import end
from agentwatch.config import Config, WorkerOptions
from agentwatch.connection import RedisOptions, connect
from agentwatch.fingerprint.compiled import form_name
from agentwatch.ingest.flood import FloodOptions
from agentwatch.ingest.stream import RedisSource
from agentwatch.keys import keys
from agentwatch.logs import LogOptions
from agentwatch.observe import configure_logging
from agentwatch.pipeline import Pipeline
from agentwatch.records import Batch, Checkpoint, Entry, Positions, Tick
from agentwatch.service.composing import make_pipeline, make_rulebook
from agentwatch.service.embedded import EmbeddedOptions, EmbeddedValkey
from agentwatch.service.hub import Hub
from agentwatch.service.worker import Worker
from agentwatch.store.log import RedisLog
from agentwatch.store.redis import RedisStore
from bench.workload import Form, workload

CONFIG = Config(flood=FloodOptions(events_per_s=0))
WARM_SIZE = 300


class Row(Struct, frozen=True, kw_only=True):
    """What is drained. depth: events of each agent that the state has seen before. pure: without the compiled form."""

    events: int = 20_000
    agents: int = 1000
    size: int = 1024
    looping: float = 0.01
    form: Form = "text"
    rounds: int = 5
    depth: int = 3
    pure: bool = False


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
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    done = 0
    while done < count:
        answer = await client.xreadgroup("bare", "one", {stream: ">"}, count=1000)
        ids = [entry for entry, _ in answer[0][1]]
        await client.xack(stream, "bare", *ids)
        done += len(ids)
    return time.perf_counter() - wall, time.process_time() - cpu


async def worked(client, count: int, pipeline: Pipeline) -> tuple[float, float, int]:
    """Drain with the worker; gives wall and CPU seconds, and the number of decisions."""
    worker = Worker(
        RedisSource(client, 0), RedisStore(client, 0), RedisLog(client, 0),
        lambda: pipeline, Hub(), WorkerOptions(checkpoint_events=10 * count), lambda: None,
    )  # fmt: skip
    gc.collect()
    gc.freeze()
    task = asyncio.create_task(worker.run())
    while not worker.ready:  # noqa: ASYNC110  # nothing tells when, and a millisecond costs nothing
        await asyncio.sleep(0.001)
    wall, cpu = time.perf_counter(), time.process_time()
    while worker.pipeline.positions.index < count:
        if task.done():
            await task
        await asyncio.sleep(0.005)
    took = time.perf_counter() - wall, time.process_time() - cpu
    await end({task}, 5.0)
    gc.unfreeze()
    return *took, worker.pipeline.positions.seq


def warmed(row: Row, start: float) -> Checkpoint:
    """Let a state see `depth` events of each agent but the last."""
    pipeline = make_pipeline(CONFIG, make_rulebook(CONFIG, {}))
    for number in range(row.depth - 1):
        learn(pipeline, row, start, number)
    return checkpointing.dump(pipeline, start)


def learn(pipeline: Pipeline, row: Row, start: float, number: int) -> None:
    """Take one event of each agent in, `depth - number` times half a minute before the start."""
    began, step_s = start - (row.depth - number) * 30.0, 30.0 / row.agents
    events = workload(
        row.agents, runs=row.agents, size=min(WARM_SIZE, row.size), looping=row.looping, start=began,
        seed=1000 + number, form=row.form, step_s=step_s,
    )  # fmt: skip
    for at in range(0, len(events), 1000):
        tick = began + at * step_s
        entries = (Entry(f"{int(tick * 1000)}-{k}", data) for k, data in enumerate(events[at : at + 1000]))
        pipeline.step(Batch(Tick(tick), tuple(entries)))


def ready(state: Checkpoint, row: Row, start: float) -> Pipeline:
    """Give a pipeline that goes on from a state and has seen each agent since: it is not one that just started."""
    pipeline = make_pipeline(CONFIG, make_rulebook(CONFIG, {}))
    checkpointing.load(pipeline, state)
    if row.depth:
        learn(pipeline, row, start, row.depth - 1)
    pipeline.positions = Positions()
    return pipeline


async def measured(row: Row) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in ("bare_wall", "bare_cpu", "wall", "cpu", "decisions")}
    start = time.time()
    state = warmed(row, start)
    with tempfile.TemporaryDirectory() as directory:
        server = EmbeddedValkey(Path(directory), EmbeddedOptions(appendfsync="everysec"))
        url = await server.start()
        # The bare drain is redis-py as it comes; the worker reads raw answers.
        plain, client = Redis.from_url(url), connect(url, RedisOptions(timeout_s=60))
        for number in range(row.rounds):
            await fill(client, workload(
                row.events, runs=row.agents, size=row.size, looping=row.looping, start=time.time(), seed=number,
                form=row.form,
            ))  # fmt: skip
            first = await bare(plain, row.events) if number % 2 == 0 else None
            wall, cpu, decisions = await worked(client, row.events, ready(state, row, start))
            bare_wall, bare_cpu = first or await bare(plain, row.events)
            for name, value in zip(found, (bare_wall, bare_cpu, wall, cpu, decisions), strict=True):
                found[name].append(value)
        await plain.aclose()
        await client.aclose()
        await server.stop()
    return found


def told(row: Row, found: dict[str, list[float]]) -> dict[str, object]:
    """Take the medians; ratios are medians of each round's own."""
    middle = {name: statistics.median(values) for name, values in found.items()}

    def ratio(over: str, under: str) -> float:
        return round(statistics.median([a / b for a, b in zip(found[over], found[under], strict=True)]), 2)

    return {
        **msgspec.to_builtins(row),
        "fingerprints": form_name(),
        "decisions": middle["decisions"],
        "bare_events_per_s": round(row.events / middle["bare_wall"]),
        "events_per_s": round(row.events / middle["wall"]),
        "bare_cpu_us": round(middle["bare_cpu"] / row.events * 1e6, 2),
        "cpu_us": round(middle["cpu"] / row.events * 1e6, 2),
        "cpu_us_rounds": [round(cpu / row.events * 1e6, 2) for cpu in found["cpu"]],
        "cpu_ratio": ratio("cpu", "bare_cpu"),
        "speed_ratio": ratio("bare_wall", "wall"),
    }


def drain(row: Row) -> dict[str, object]:
    """Measure a row in this process."""
    return told(row, asyncio.run(measured(row)))


def main() -> int:
    """Measure one row and print it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in Row.__struct_fields__:
        default = getattr(Row(), name)
        flag = f"--{name}"
        if isinstance(default, bool):
            parser.add_argument(flag, action="store_true")
        else:
            parser.add_argument(flag, type=type(default), default=default)
    row = msgspec.convert(vars(parser.parse_args()), Row)
    if row.pure and form_name() != "pure":  # which form runs is settled at the start of a process
        os.environ["AGENTWATCH_PURE"] = "1"
        os.execv(sys.executable, [sys.executable, "-m", "bench.end_to_end", *sys.argv[1:]])
    configure_logging(LogOptions(level="error"))
    print(json.dumps(drain(row)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

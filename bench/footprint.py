"""What a daemon takes: memory a tracked run and of 100,000 of them, the time to be ready, CPU when nothing comes in."""

import asyncio
import gc
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import redis

from agentwatch.config import Config
from agentwatch.fingerprint.options import FingerprintOptions
from agentwatch.records import Batch, Entry, Tick
from agentwatch.service.composing import make_pipeline, make_rulebook
from bench.figure import Figure
from bench.servers import DaemonProcess, broker, valkey
from bench.stream import feed, until_committed
from bench.workload import workload

__all__ = ["bytes_per_run", "footprint"]

_STARTS = 5
_EACH = 4  # events of each of the many runs
_START = 1_790_000_000.0


def bytes_per_run(runs: int = 2000, each: int = 30, agents: int = 97) -> float:
    """Tell the bytes of state that a run takes which did `each` things, where so many agents share the runs."""
    config = Config(fingerprint=FingerprintOptions(cache_entries=1))  # the cache has a bound of its own
    pipeline = make_pipeline(config, make_rulebook(config, {}))
    events = workload(runs * each, runs=runs, size=1024, looping=0.0, start=_START, agents=agents)
    warm = workload(500, runs=50, size=1024, looping=0.0, start=_START, seed=2)  # tables that are loaded when needed
    pipeline.step(Batch(Tick(_START), tuple(Entry(f"1790000000000-{k}", data) for k, data in enumerate(warm, 1))))
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for at in range(0, len(events), 1000):
        entries = (Entry(f"1790000000001-{at + k}", data) for k, data in enumerate(events[at : at + 1000]))
        pipeline.step(Batch(Tick(_START), tuple(entries)))
    del events
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return taken / runs


def footprint(runs: int, idle_s: float) -> Iterator[tuple[Figure, dict]]:
    """Measure a run's bytes in this process, and the rest on a daemon with an API, a broker and a receiver."""
    for key, agents, what in (("run", 97, "that shares its agent"), ("agent", 2000, "with an agent of its own")):
        each = bytes_per_run(agents=agents)
        figure = Figure(
            key=f"memory.{key}", what=f"state of a tracked run {what}, after 30 events", value=each, unit="B",
            goal=4096.0, ratio=True,
        )  # fmt: skip
        yield figure, {}
    yield from asyncio.run(_daemon(runs, idle_s))


async def _daemon(runs: int, idle_s: float) -> list[tuple[Figure, dict]]:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with broker(directory) as (_, mqtt):
            async with valkey(directory) as url:
                receiver = '[[receivers]]\nname = "nobody"\nurl = "http://127.0.0.1:9/"\n'
                daemon = DaemonProcess(directory, url, f'[mqtt]\nurl = "{mqtt}"\n{receiver}')
                try:
                    return [*_empty(daemon, idle_s), *await asyncio.to_thread(_full, daemon, url, runs)]
                finally:
                    daemon.stop()


def _empty(daemon: DaemonProcess, idle_s: float) -> Iterator[tuple[Figure, dict]]:
    starts, used = [], []
    compiling = daemon.start()
    time.sleep(3.0)  # what is loaded after it is ready is compiled as well
    daemon.stop()
    for number in range(_STARTS):
        starts.append(daemon.start())
        used.append(daemon.cpu_s())
        if number < _STARTS - 1:
            daemon.stop()
    yield Figure(
        key="start.empty", what="start to ready, empty state", value=statistics.median(starts), unit="s", goal=1.0,
        beside=f"{statistics.median(used):.2f} s of CPU; best {min(starts):.2f} s; {compiling:.2f} s from source; "
        f"scikit-learn: {_yes(daemon.has_loaded('sklearn'))}, numpy: {_yes(daemon.has_loaded('numpy'))}",
    ), {"seconds": starts, "cpu_s": used, "compiling_s": compiling}  # fmt: skip
    time.sleep(3.0)
    before, began = daemon.cpu_s(), time.perf_counter()
    time.sleep(idle_s)
    share = (daemon.cpu_s() - before) / (time.perf_counter() - began) * 100
    yield (
        Figure(
            key="idle.cpu",
            what="CPU when nothing comes in",
            value=share,
            unit="%",
            goal=1.0,
            beside=f"over {idle_s:.0f} s",
        ),
        {"rss": daemon.rss()},
    )


def _full(daemon: DaemonProcess, url: str, runs: int) -> list[tuple[Figure, dict]]:
    empty = daemon.rss()
    with redis.Redis.from_url(url) as client:
        total = 0
        for number in range(_EACH):
            for part in range(0, runs, 10_000):
                # a slice of the runs at a time: the events of all of them at once would be this process's memory
                count = min(10_000, runs - part)
                made = workload(count, runs=count, size=1024, looping=0.01, start=time.time(), seed=number)
                feed(client, [data.replace(b'"run-', b'"run-%d-' % part).replace(b'"agent-', b'"agent-%d-' % part)
                              .replace(b'"id":"e', b'"id":"e%d-' % part) for data in made])  # fmt: skip
                total += count
                until_committed(client, total)
        time.sleep(6.0)  # agents are compared with their peers every 5 s, which loads scikit-learn
        rss, sklearn = daemon.rss(), daemon.has_loaded("sklearn")
        daemon.stop()
        took = daemon.start()
        again = daemon.rss()
    return [
        (Figure(
            key="memory.full", what=f"resident memory with {runs:,} runs", value=rss / 2**20, unit="MiB", goal=512.0,
            beside=f"{empty / 2**20:.0f} MiB empty, {again / 2**20:.0f} after a restart; scikit-learn: {_yes(sklearn)}",
        ), {}),
        (Figure(
            key="start.full", what=f"restart to ready with {runs:,} runs", value=took, unit="s", goal=5.0,
            beside=f"{daemon.cpu_s():.2f} s of CPU",
        ), {}),
    ]  # fmt: skip


def _yes(value: bool) -> str:
    return "yes" if value else "no"

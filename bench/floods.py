"""A flood of one app beside others: what is shed of whom, and how long the others' events wait to be decided on."""

import asyncio
import bisect
import time
import urllib.request
from collections.abc import Iterator

import redis

from agentwatch.keys import keys
from bench.figure import Figure
from bench.servers import DaemonProcess, daemon_on_valkey
from bench.stream import steady
from bench.workload import workload

__all__ = ["flood"]

K = keys(0)
_RATE, _GAP_S = 20_000.0, 0.02


def flood(seconds: float) -> Iterator[tuple[Figure, dict]]:
    """Flood a daemon for so many seconds."""
    yield from asyncio.run(_measured(seconds))


async def _measured(seconds: float) -> list[tuple[Figure, dict]]:
    async with daemon_on_valkey() as (daemon, url):
        return await asyncio.to_thread(_flooded, daemon, url, seconds)


def _flooded(daemon: DaemonProcess, url: str, seconds: float) -> list[tuple[Figure, dict]]:
    load = steady(url, _RATE, seconds + 2.0, app="flooding", runs=50)
    try:
        waits = _others(url, seconds)
    finally:
        load.terminate()
        load.wait()
    p99, shed = waits[int(len(waits) * 0.99)] if waits else float("inf"), _shed(daemon)
    told = {"events": len(waits), "p50_s": waits[len(waits) // 2], "p99_s": p99, "shed": shed}
    beside = f"{shed:,.0f} events of the flood shed, {_RATE:,.0f} a second sent; p50 {told['p50_s']:.3f} s"
    if not shed:
        raise SystemExit("nothing was shed: the flood was none")
    figure = Figure(
        key="flood.others", what="others' events beside a flood, to committed: p99", value=p99, unit="s", goal=1.0,
        beside=beside,
    )  # fmt: skip
    return [(figure, told)]


def _others(url: str, seconds: float) -> list[float]:
    """Add an event of other apps now and then, and watch the committed position; gives their waits, sorted."""
    made = workload(5000, runs=500, size=1024, looping=0.0, start=time.time(), seed=9)
    sent: list[tuple[tuple[int, int], float]] = []
    reached: list[tuple[tuple[int, int], float]] = []
    with redis.Redis.from_url(url) as client:
        end = time.perf_counter() + seconds
        at = 0
        while time.perf_counter() < end or (sent and (not reached or reached[-1][0] < sent[-1][0])):
            now = time.perf_counter()
            if now > end + 60:
                raise SystemExit("the others' events were not committed within a minute")
            if now < end and at < len(made):
                sent.append((_order(client.execute_command("XADD", K.events, "*", "data", made[at])), now))
                at += 1
            if position := client.hget(K.committed, "events"):
                reached.append((_order(position), time.perf_counter()))
            time.sleep(_GAP_S / 4)
    places = [place for place, _ in reached]
    return sorted(reached[bisect.bisect_left(places, place)][1] - began for place, began in sent)


def _order(position: bytes) -> tuple[int, int]:
    first, _, second = position.partition(b"-")
    return int(first), int(second)


def _shed(daemon: DaemonProcess) -> float:
    time.sleep(1.5)  # gauges follow once a second
    with urllib.request.urlopen(f"http://127.0.0.1:{daemon.port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("agentwatch_shed_events_total"))

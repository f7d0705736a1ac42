"""From the event that shows a loop to the guard that knows of it: a real daemon, real guards, Redis and MQTT.

Each run repeats one call until it is killed. The time is taken from just before the `XADD` of the event that the kill
was decided on (the decision names its entry) to the guard's callback. Idle: nothing else comes in. Half: a process adds
half of the events that this daemon drains at its best.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import msgspec
import redis
import redis.asyncio

from agentwatch.client.guard import Guard
from agentwatch.records import Change, Decision, Level
from bench.figure import Figure
from bench.servers import DaemonProcess, broker, valkey
from bench.stream import K, committed, feed, steady, until_committed
from bench.workload import workload

__all__ = ["latency"]

_BEFORE = 9  # repeats that do not kill yet
_AT_ONCE = 25  # guards
_GAP_S = 0.02
_MOST = 20  # repeats until a run must have been killed
_GOALS = {"idle": 10.0, "half": 100.0}


def latency(samples: int) -> Iterator[tuple[Figure, dict]]:
    """Measure over both paths, idle and at half of full load."""
    yield from asyncio.run(_measured(samples))


async def _measured(samples: int) -> list[tuple[Figure, dict]]:
    figures: list[tuple[Figure, dict]] = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with broker(directory) as (broker_name, mqtt):
            async with valkey(directory) as url:
                daemon = DaemonProcess(directory, url, f'[mqtt]\nurl = "{mqtt}"\n')
                daemon.start()
                try:
                    with redis.Redis.from_url(url) as client:
                        full = await asyncio.to_thread(_full, client, daemon)
                    for load in _GOALS:
                        for path, given in (("Redis", {"redis": url}), (f"MQTT, {broker_name}", {"mqtt": mqtt})):
                            times = await _times(url, given, samples, full / 2 if load == "half" else 0.0)
                            figures += _figures(path, load, times, full)
                finally:
                    daemon.stop()
    return figures


def _full(client: redis.Redis, daemon: DaemonProcess, count: int = 20_000) -> float:
    """Tell how many events a second the daemon drains when there are plenty: it waits until all of them are there."""
    warm = workload(4000, runs=1000, size=1024, looping=0.01, start=time.time(), seed=5)
    feed(client, warm)
    until_committed(client, len(warm))
    with daemon.held():
        feed(client, workload(count, runs=1000, size=1024, looping=0.01, start=time.time(), seed=6))
        before = committed(client)
    return (len(warm) + count - before) / until_committed(client, len(warm) + count)


async def _times(url: str, path: dict[str, str], samples: int, rate: float) -> list[float]:
    """Let so many runs be killed; gives milliseconds, sorted. None is lost: a run that is not killed ends the bench."""
    found: list[float] = []
    client = redis.asyncio.Redis.from_url(url)
    number = 0
    load = steady(url, rate, 3600.0) if rate else None
    try:
        if load:
            await asyncio.sleep(2.0)  # the rate has settled
        while len(found) < samples:
            found += await _batch(client, path, f"{time.time_ns():x}-{number}")
            number += 1
    finally:
        if load:
            load.terminate()
            load.wait()
        await client.aclose()
    return sorted(found)


async def _batch(client: redis.asyncio.Redis, path: dict[str, str], name: str) -> list[float]:
    told: dict[str, float] = {}
    sent: dict[bytes, float] = {}

    def heard(run: str, _command: object) -> None:
        told.setdefault(run, time.perf_counter())

    after = (await client.execute_command("XREVRANGE", K.decisions, "+", "-", "COUNT", 1) or [(b"0-0",)])[0][0]
    async with AsyncExitStack() as stack:
        runs = [f"lat-{name}-{at}" for at in range(_AT_ONCE)]
        guards = [Guard(run, app=f"app-{run}", run=run, on_kill=partial(heard, run), **path) for run in runs]
        await asyncio.gather(*(stack.enter_async_context(guard) for guard in guards))
        for step in range(_BEFORE):
            for run in runs:
                await _send(client, run, step, sent)
            await asyncio.sleep(_GAP_S)
        for run in runs:
            for step in range(_BEFORE, _MOST):
                if run in told:
                    break
                await _send(client, run, step, sent)
                await _until(lambda run=run: run in told, 0.5)
            await asyncio.sleep(_GAP_S)
    rows = await client.execute_command("XRANGE", K.decisions, b"(" + after, "+")
    decided = [msgspec.json.decode(dict(_pairs(fields))[b"data"], type=Decision) for _, fields in rows]
    if missing := [run for run in runs if run not in told]:
        why = [(one.level.name, one.gate, one.gate_reason) for one in decided if one.run == missing[0]]
        raise SystemExit(f"{len(missing)} runs were not killed, {missing[0]}: {why}")
    kills = [one for one in decided if one.level is Level.kill and one.change is Change.up and not one.gate]
    ends = {one.run: one.position.encode() for one in kills}
    return [(told[run] - sent[ends[run]]) * 1e3 for run in runs]


async def _send(client: redis.asyncio.Redis, run: str, step: int, sent: dict[bytes, float]) -> None:
    data, began = _call(run, step), time.perf_counter()
    sent[await client.execute_command("XADD", K.events, "*", "data", data)] = began


async def _until(done, within_s: float) -> None:
    deadline = time.perf_counter() + within_s
    while not done() and time.perf_counter() < deadline:  # noqa: ASYNC110  # the callback's own time is what counts
        await asyncio.sleep(0.001)


def _pairs(fields):
    return fields.items() if isinstance(fields, dict) else zip(fields[::2], fields[1::2], strict=True)


def _call(run: str, step: int) -> bytes:
    return msgspec.json.encode({
        "id": f"{run}/{step}", "app": f"app-{run}", "agent": run, "run": run, "step": step, "op": "execute_tool",
        "tool": "search", "arguments": f'{{"query": "{run}"}}', "result": f"nothing was found for {run}",
        "cost_usd": 0.2,
    })  # fmt: skip


def _figures(path: str, load: str, times: list[float], full: float) -> list[tuple[Figure, dict]]:
    p50, p99, p999 = (times[min(len(times) - 1, int(len(times) * share))] for share in (0.5, 0.99, 0.999))
    found = {"samples": len(times), "p50_ms": p50, "p99_ms": p99, "p99.9_ms": p999, "full_events_per_s": full}
    shown = "idle" if load == "idle" else f"at {full / 2:,.0f} events/s"
    figure = Figure(
        key=f"latency.{path[:5].strip(',').lower()}.{load}", what=f"event to guard over {path}, {shown}: p99",
        value=p99, unit="ms", goal=_GOALS[load],
        beside=f"p50 {p50:.1f}, p99.9 {p999:.1f} ms of {len(times):,}",
    )  # fmt: skip
    return [(figure, found)]

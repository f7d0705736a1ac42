"""`GET /v1/decision` beside the consumer: requests a second and their p99 while events are drained, and its price."""

import asyncio
import time
from collections.abc import Iterator

import redis

from bench.figure import Figure
from bench.servers import DaemonProcess, daemon_on_valkey
from bench.stream import committed, feed, until_committed
from bench.workload import workload

__all__ = ["api_load"]

_CONNECTIONS = 8


def api_load(events: int) -> Iterator[tuple[Figure, dict]]:
    """Drain so many events without and with questions."""
    yield from asyncio.run(_measured(events))


async def _measured(events: int) -> list[tuple[Figure, dict]]:
    async with daemon_on_valkey() as (daemon, url):
        return await _asked(daemon, url, events)


async def _asked(daemon: DaemonProcess, url: str, events: int) -> list[tuple[Figure, dict]]:
    with redis.Redis.from_url(url) as client:
        await asyncio.to_thread(_drain, client, 4000)  # nothing is measured cold
        alone = await asyncio.to_thread(_drain, client, events)
        times: list[float] = []
        asking = [asyncio.create_task(_ask(daemon.port, times)) for _ in range(_CONNECTIONS)]
        await asyncio.sleep(0.5)
        times.clear()
        began = time.perf_counter()
        beside = await asyncio.to_thread(_drain, client, events)
        took = time.perf_counter() - began
        for task in asking:
            task.cancel()
        ended = await asyncio.gather(*asking, return_exceptions=True)
    if wrong := [error for error in ended if not isinstance(error, asyncio.CancelledError)]:
        raise SystemExit(f"a question was not answered: {wrong[0]!r}")
    times.sort()
    rate, p99 = len(times) / took, times[int(len(times) * 0.99)] * 1e3
    told = {"requests_per_s": rate, "p99_ms": p99, "events_per_s_alone": alone, "events_per_s_beside": beside}
    return [
        (Figure(
            key="api.rate", what=f"answers of /v1/decision beside the consumer, {_CONNECTIONS} connections", value=rate,
            unit="a second", beside=f"p50 {times[len(times) // 2] * 1e3:.1f}, p99 {p99:.1f} ms",
        ), told),
        (Figure(
            key="api.price", what="events/s beside these questions over those without", value=beside / alone, unit="x",
            sense="least", beside=f"{beside:,.0f} of {alone:,.0f} events/s",
        ), told),
    ]  # fmt: skip


def _drain(client: redis.Redis, count: int) -> float:
    """Add events faster than they are drained; gives how many a second were."""
    before = committed(client)
    made = workload(count, runs=1000, size=1024, looping=0.01, start=time.time(), seed=before)
    began = time.perf_counter()
    feed(client, made)
    until_committed(client, before + count)
    return count / (time.perf_counter() - began)


async def _ask(port: int, times: list[float]) -> None:
    """Ask one question after the other on one connection, as a gateway does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    question = b"GET /v1/decision?app=app-50&agent=agent-50&run=run-50 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    try:
        while True:
            began = time.perf_counter()
            writer.write(question)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
            times.append(time.perf_counter() - began)
    finally:
        writer.close()

"""Puts events on a daemon's stream, all at once or at a steady rate, and tells how far the daemon has come.

`python -m bench.stream URL RATE SECONDS` is the rate in a process of its own, so that who measures is not kept busy.
"""

import argparse
import itertools
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import redis

from agentwatch.keys import keys
from agentwatch.logs import LogOptions
from agentwatch.observe import configure_logging
from bench.workload import workload

__all__ = ["committed", "feed", "steady", "until_committed"]

K = keys(0)
_SLICE_S = 0.01
_AHEAD = 4000


def feed(client: redis.Redis, events: Sequence[bytes]) -> list[bytes]:
    """Add events; gives the ids of their entries."""
    ids: list[bytes] = []
    for at in range(0, len(events), 500):
        pipe = client.pipeline(transaction=False)
        for data in events[at : at + 500]:
            pipe.execute_command("XADD", K.events, "*", "data", data)
        ids += pipe.execute()
    return ids


def committed(client: redis.Redis) -> int:
    """Tell how many events were committed."""
    return int(client.hget(K.committed, "index") or 0)


def until_committed(client: redis.Redis, count: int, within_s: float = 600.0) -> float:
    """Wait until so many events are committed; gives the seconds that it took."""
    began = time.perf_counter()
    while committed(client) < count:
        if time.perf_counter() - began > within_s:
            raise SystemExit(f"{committed(client)} of {count} events committed after {within_s} s")
        time.sleep(0.005)
    return time.perf_counter() - began


def steady(url: str, rate: float, seconds: float, *, app: str = "", runs: int = 1000) -> "subprocess.Popen[bytes]":
    """Start a process that adds events at a rate, of one app where it is named; returns once it does."""
    more = ["--app", app] if app else []
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.stream", url, str(rate), str(seconds), "--runs", str(runs), *more],
        cwd=Path(__file__).resolve().parent.parent, stdout=subprocess.PIPE,
    )  # fmt: skip
    if process.stdout is None or process.stdout.readline() != b"adding\n":
        raise SystemExit("no load could be made")
    return process


def _bodies() -> list[bytes]:
    """Make what events hold beforehand: making a text costs more than adding it."""
    made = workload(_AHEAD, runs=_AHEAD, size=1024, looping=0.0, start=0.0, seed=int(time.time()))
    return [data.partition(b',"provider":')[2].rpartition(b',"ts":')[0] for data in made]


def _event(bodies: list[bytes], name: str, at: int, runs: int, app: str) -> bytes:
    """Put a text into a run that has not seen it before: each run goes through all of them from another place."""
    run = at % runs
    body = bodies[(at + at // _AHEAD) % _AHEAD]
    who = f'"id":"{name}-{at}","app":"{app or f"app-{run % 97}"}","agent":"{name}-{run}","run":"{name}-{run}"'
    return b'{%s,"provider":%s}' % (who.encode(), body)


def main() -> int:
    """Add events at a steady rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("rate", type=float)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--app", default="")
    parser.add_argument("--runs", type=int, default=1000)
    asked = parser.parse_args()
    configure_logging(LogOptions(level="error"))
    bodies, name = _bodies(), f"{time.time_ns():x}"
    with redis.Redis.from_url(asked.url) as client:
        print("adding", flush=True)
        began, sent = time.perf_counter(), 0
        for number in itertools.count(1):
            if (due := number * _SLICE_S) > asked.seconds:
                break
            time.sleep(max(0.0, began + due - time.perf_counter()))
            pipe = client.pipeline(transaction=False)
            for at in range(sent, int(due * asked.rate)):
                pipe.execute_command("XADD", K.events, "*", "data", _event(bodies, name, at, asked.runs, asked.app))
            sent = max(sent, int(due * asked.rate))
            pipe.execute()
    return 0


if __name__ == "__main__":
    sys.exit(main())

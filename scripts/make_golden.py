"""Write a checkpoint of today's format for `tests/golden`: `python -m scripts.make_golden`, once for each format.

It holds every loop and look-alike that the project can build, two thirds through, a tree, and what an operator did.
"""

import gzip
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from agentwatch import checkpointing
from agentwatch.config import Config
from agentwatch.records import AllowEntry, Batch, Control, Entry, Event, Level, Tick
from agentwatch.service.composing import make_pipeline, make_rulebook, shipped_policy
from agentwatch.testing import LOOK_ALIKES, LOOPS, Trace

START = 1_700_000_000.0
BATCH, PACE_S = 40, 3
GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden"


def events() -> list[Event]:
    """Interleave the runs."""
    shapes = sorted({**LOOPS, **LOOK_ALIKES}.items())
    runs = [
        [msgspec.structs.replace(event, app=name, id=f"{name}/{at}") for at, event in enumerate(make())]
        for name, make in shapes
    ]
    parent, kid = Trace("boss", run="top", app="family"), Trace("helper", run="kid", app="family")
    family: list[Event] = []
    for at in range(30):
        family += parent.call("read", {"p": 1}, "the same again", task="report").events[-1:]
        family += kid.say(f"page {at} of {at * 7}", parent_run="top", root_run="top").events[-1:]
    runs.append(family)
    found: list[Event] = []
    while any(runs):
        found += [run.pop(0) for run in runs if run]
    return found


def batches(given: Sequence[Event]) -> Iterator[Batch]:
    """Read them, with an entry of the allow list and a throttle by hand on the way."""
    for number, start in enumerate(range(0, len(given), BATCH)):
        now = START + 120 + number * PACE_S
        entries = tuple(
            Entry(f"{int(now * 1000)}-{at}", msgspec.json.encode(event))
            for at, event in enumerate(given[start : start + BATCH])
        )
        controls = tuple((f"{int(now * 1000)}-0", wish) for wish in _wishes(number, now))
        yield Batch(Tick(now), entries, controls)


def _wishes(number: int, now: float) -> list[Control]:
    if number == 3:
        entry = AllowEntry(
            pattern="default/pingpong", author="olivia", comment="a batch", created_at=now, expires_at=now + 9e6
        )
        return [Control(id="c1", kind="allow_add", at=now, author="olivia", entry=entry)]
    if number == 4:
        return [
            Control(
                id="c2", kind="decide", at=now, subject="default/by-hand", level=Level.throttle, author="olivia",
                reason="slow", limit=5.0,
            )
        ]  # fmt: skip
    return []


def main() -> int:
    """Write the file of today's format, unless there is one: a golden file is never written anew."""
    target = GOLDEN / f"checkpoint-format-{checkpointing.FORMAT}.msgpack.gz"
    if target.exists():
        print(f"{target.name} is there already")
        return 1
    path = make_pipeline(Config(), make_rulebook(Config(), shipped_policy()))
    given = list(batches(events()))
    part = given[: len(given) * 2 // 3]
    for batch in part:
        path.step(batch)
    stored = checkpointing.dump(path, part[-1].tick.at)
    target.write_bytes(gzip.compress(msgspec.msgpack.encode(stored), 9, mtime=0))
    print(f"wrote {target.name}: {target.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

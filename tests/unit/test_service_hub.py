"""What was committed is passed on, to a bounded number of readers that hold a bounded number of decisions."""

import asyncio

import pytest

from agentwatch.config import HubOptions
from agentwatch.errors import BadRequest, Unavailable
from agentwatch.records import Change, Decision, Level
from agentwatch.service.hub import Hub


def decision(seq: int) -> Decision:
    names = dict.fromkeys(("tenant", "app", "agent", "run", "root_run", "subject", "kind"), "x")
    return Decision(id=f"d0-{seq}", seq=seq, at=0.0, level=Level.warn, change=Change.up, **names)


def rows(start: int, stop: int) -> list[tuple[str, Decision]]:
    return [(f"{seq}-0", decision(seq)) for seq in range(start, stop)]


async def test_a_slow_watcher_loses_the_oldest_and_it_is_counted() -> None:
    hub = Hub(HubOptions(queue=3))
    slow = hub.watch()
    hub.committed(rows(1, 6), ())
    reader = slow.read()
    assert [(await anext(reader))[1].seq for _ in range(3)] == [3, 4, 5]
    hub.leave(slow)
    assert hub.dropped == 2
    hub.committed(rows(6, 7), ())
    assert len(slow.items) == 0


async def test_watchers_and_requests_are_bounded() -> None:
    hub = Hub(HubOptions(watchers=2, requests=1))
    first, _second = hub.watch(), hub.watch()
    with pytest.raises(Unavailable):
        hub.watch()
    hub.leave(first)
    hub.watch()
    hub.expect("a")
    with pytest.raises(Unavailable):
        hub.expect("b")
    hub.forget("a")
    hub.expect("b")


async def test_each_request_gets_its_own_answer() -> None:
    hub = Hub()
    decided, nothing, refused, other = (hub.expect(name) for name in "abcd")
    hub.committed((), [("a", decision(1)), ("b", None), ("c", BadRequest("no", "x")), ("z", None)])
    assert (await decided).seq == 1
    assert await nothing is None
    with pytest.raises(BadRequest):
        await refused
    assert not other.done()


async def test_only_decisions_wake() -> None:
    hub = Hub()
    wake = hub.wake()
    hub.committed((), ())
    assert not wake.is_set()
    hub.committed(rows(1, 2), ())
    assert wake.is_set()


async def test_a_watcher_wakes_for_what_comes() -> None:
    hub = Hub()
    reader = hub.watch().read()
    waiting = asyncio.ensure_future(anext(reader))
    await asyncio.sleep(0)
    hub.committed(rows(1, 3), ())
    assert (await waiting)[0] == "1-0"
    assert (await anext(reader))[0] == "2-0"

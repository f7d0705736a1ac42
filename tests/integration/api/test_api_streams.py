"""Server-Sent Events: what is sent, taken up again, dropped, bounded, and ended."""

import asyncio
import json
import time
from contextlib import asynccontextmanager

import httpx
import pytest

from agentwatch.api.options import LimitOptions
from agentwatch.records import Level


class Reader:
    """Reads the events of a stream one by one, comments apart."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()
        self.comments = 0

    async def next(self, timeout_s: float = 20.0) -> dict[str, object]:
        async with asyncio.timeout(timeout_s):
            found: dict[str, str] = {}
            async for line in self._lines:
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(": ")
                    found[name] = value
                elif "event" in found:
                    return found | {"data": json.loads(found["data"])}
                else:
                    found = {}
        raise EOFError


@asynccontextmanager
async def stream(api, role: str, path: str, **headers: str):
    async with api.clients[role].stream("GET", path, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Reader(response)


COMMANDS = "/v1/stream/commands?tenant=t&app=a&agent=bot&run=r&root_run=root"


async def test_a_guard_gets_the_present_state_first_and_then_each_change(api) -> None:
    async with stream(api, "guard", COMMANDS) as events:
        assert (await events.next())["event"] == "clear"
        api.kill("t/a/root/root", Level.pause, ttl_s=60)
        paused = await events.next()
        assert (paused["event"], paused["data"]["cmd"], paused["id"]) == ("command", "pause", "1")
        api.kill("t/a/root/root")
        assert (await events.next())["data"]["cmd"] == "kill"
        api.kill("t/a/root/unrelated")
        api.kill("t/a/root/root", Level.observe)
        assert (await events.next())["event"] == "clear"
        api.kill("t")
        assert (await events.next())["data"]["subject"] == "t"
    async with stream(api, "guard", COMMANDS) as events:
        assert (await events.next())["data"]["cmd"] == "kill"


async def test_a_command_that_expires_is_cleared_without_a_decision(api) -> None:
    api.kill("t/a/root/root", ttl_s=60)
    async with stream(api, "guard", COMMANDS) as events:
        assert (await events.next())["event"] == "command"
        api.now += 61
        assert (await events.next())["event"] == "clear"


async def test_a_guard_hears_of_a_command_when_it_is_decided(serve) -> None:
    async with serve(recheck_s=120.0, keepalive_s=120.0) as api, stream(api, "guard", COMMANDS) as events:
        assert (await events.next())["event"] == "clear"
        api.kill("t/a/root/root")
        assert (await events.next())["event"] == "command"


async def test_decisions_are_sent_with_their_position_and_taken_up_again_after_it(api) -> None:
    async with stream(api, "read", "/v1/stream/decisions") as events:
        for n in range(3):
            api.kill(f"t/a/root/{n}")
        got = [await events.next() for _ in range(3)]
        assert [(e["id"], e["event"], e["data"]["subject"]) for e in got] == [
            (f"{n + 1}-0", "decision", f"t/a/root/{n}") for n in range(3)
        ]
    for n in range(3, 6):
        api.kill(f"t/a/root/{n}")
    async with stream(api, "read", "/v1/stream/decisions", **{"Last-Event-ID": "2-0"}) as events:
        assert [(await events.next())["id"] for _ in range(4)] == ["3-0", "4-0", "5-0", "6-0"]
        api.kill("t/a/root/x")
        assert (await events.next())["id"] == "7-0"
    async with stream(api, "read", "/v1/stream/decisions?after=5-0&min_level=kill&tenant=t") as events:
        assert (await events.next())["id"] == "6-0"


async def test_decisions_are_filtered(api) -> None:
    path = "/v1/stream/decisions?min_level=pause&tenant=t1"
    async with stream(api, "read", path) as events:
        api.kill("t1/a/root/r", Level.throttle)
        api.kill("t2/a/root/r")
        api.kill("t1/a/root/r", Level.pause)
        assert (await events.next())["data"]["seq"] == 3


async def test_a_slow_reader_loses_the_oldest_and_is_told_how_many(serve) -> None:
    async with serve(limits=LimitOptions(stream_queue=10)) as api:
        async with stream(api, "read", "/v1/stream/decisions") as events:
            for n in range(50):
                api.kill(f"t/a/root/{n}")
            dropped = await events.next()
            assert (dropped["event"], dropped["data"]) == ("dropped", {"count": 40})
            assert [(await events.next())["data"]["seq"] for _ in range(10)] == list(range(41, 51))
        api.decisions.bound = 5  # now the log's own reader is what drops
        async with stream(api, "read", "/v1/stream/decisions", **{"Last-Event-ID": "1-0"}) as events:
            assert (await events.next())["data"]["seq"] == 46


async def test_a_gap_in_the_log_counts_as_dropped(api) -> None:
    async with stream(api, "read", "/v1/stream/decisions") as events:
        first = api.kill("t/a/root/1")
        assert (await events.next())["data"]["seq"] == first.seq
        api.decisions.log.extend([("0-0", first)] * 7)  # seven decisions that no watcher was given
        api.kill("t/a/root/2")
        assert await events.next() == {"event": "dropped", "data": {"count": 7}}
        assert (await events.next())["data"]["seq"] == 9


async def test_quiet_streams_are_kept_alive(serve) -> None:
    async with serve(keepalive_s=0.05, recheck_s=0.05) as api:
        for role, path in (("guard", COMMANDS), ("read", "/v1/stream/decisions")):
            async with api.clients[role].stream("GET", path) as response, asyncio.timeout(20):
                async for line in response.aiter_lines():
                    if line == ": keep-alive":
                        break


async def test_streams_are_bounded_in_number_and_places_are_given_back(serve) -> None:
    limits = LimitOptions(decision_streams=2, command_streams=1)
    async with serve(limits=limits) as api:
        for _ in range(3):
            async with stream(api, "read", "/v1/stream/decisions"), stream(api, "read", "/v1/stream/decisions"):
                refused = await api.clients["operator"].get("/v1/stream/decisions")
                assert (refused.status_code, refused.json()["type"]) == (503, "urn:agentwatch:problem:busy")
                async with stream(api, "guard", COMMANDS):
                    assert (await api.clients["guard"].get(COMMANDS)).status_code == 503
                text = (await api.clients["nobody"].get("/metrics")).text
                assert 'agentwatch_http_streams_open{stream="decisions"} 2.0' in text
            async with asyncio.timeout(20):  # the server sees the end of a connection a moment later
                while api.decisions.watchers[1:]:  # noqa: ASYNC110  # nothing tells the client of it
                    await asyncio.sleep(0.01)
        assert len(api.decisions.watchers) == 1  # the one that wakes the guards


async def test_a_log_that_fails_ends_the_stream_and_says_so(api) -> None:
    api.decisions.down = True
    async with stream(api, "read", "/v1/stream/decisions") as events:
        assert await events.next() == {"event": "problem", "data": {"detail": "the decision log does not answer"}}
        with pytest.raises(EOFError):
            await events.next()


async def test_a_stop_ends_open_streams_within_its_deadline(serve) -> None:
    async with serve() as api, stream(api, "guard", COMMANDS) as commands:
        async with stream(api, "read", "/v1/stream/decisions") as decisions:
            assert (await commands.next())["event"] == "clear"
            started = time.monotonic()
            await api.server.stop(deadline_s=60.0)
            assert time.monotonic() - started < 30
            for events in (commands, decisions):
                with pytest.raises(EOFError):
                    await events.next()
        assert not api.decisions.watchers

"""The memory of unclean starts, and the heartbeat that only a working daemon sends."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from agentwatch import observe
from agentwatch.config import HeartbeatOptions, SafeOptions
from agentwatch.service.heartbeat import Heartbeat
from agentwatch.service.unclean_starts import UncleanStarts

NOW = 1_700_000_000.0


@pytest.fixture(autouse=True)
def _fresh_metrics():
    observe.reset()
    yield
    observe.reset()


def test_three_unclean_starts_in_five_minutes_make_the_next_a_safe_one(tmp_path):
    file = tmp_path / "starts.json"
    said = [UncleanStarts(file, SafeOptions()).begin(NOW + at * 20) for at in range(5)]
    assert said[:3] == ["", "", ""]
    assert said[3] == "safe mode: 3 unclean starts within 300 s"
    assert said[4] == "safe mode: 4 unclean starts within 300 s"


def test_an_orderly_end_and_time_make_up_for_it(tmp_path):
    starts = UncleanStarts(tmp_path / "starts.json", SafeOptions())
    for at in range(3):
        starts.begin(NOW + at)
    starts.end()
    assert starts.begin(NOW + 10) == ""
    for at in range(3):
        assert starts.begin(NOW + 1000 + at * 200) == ""


def test_none_is_too_many_where_that_is_switched_off(tmp_path):
    starts = UncleanStarts(tmp_path / "starts.json", SafeOptions(unclean_starts=0))
    assert [starts.begin(NOW + at) for at in range(9)] == [""] * 9


@pytest.mark.parametrize("content", [b"", b"nonsense", b'{"a": 1}', b'["x"]'])
def test_a_damaged_file_is_no_reason_not_to_start(tmp_path, content):
    file = tmp_path / "starts.json"
    file.write_bytes(content)
    starts = UncleanStarts(file, SafeOptions())
    assert starts.begin(NOW) == ""
    assert file.read_bytes() == b"[1700000000.0]"


def test_a_directory_that_cannot_be_written_is_no_reason_either(tmp_path):
    starts = UncleanStarts(tmp_path / "missing" / "starts.json", SafeOptions())
    assert [starts.begin(NOW + at) for at in range(5)] == [""] * 5
    starts.end()


class Listener:
    """A server that answers as it is told."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        self.silent = False

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        if self.silent:
            await reader.read()
        writer.write(self.answer)
        await writer.drain()
        writer.close()


@pytest.fixture
async def listener() -> AsyncIterator[tuple[Listener, str]]:
    listening = Listener()
    server = await asyncio.start_server(listening.handle, "127.0.0.1", 0)
    async with server:
        yield listening, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/ping"


async def test_a_heartbeat_is_sent_only_while_all_is_well_and_the_loop_turns(listener):
    listening, url = listener
    turns, wrong = [0], [""]
    async with httpx.AsyncClient() as client:
        heart = Heartbeat(url, HeartbeatOptions(timeout_s=0.3), client, lambda: turns[0], lambda: wrong[0])
        assert await heart.beat() == "withheld"
        turns[0] += 1
        assert await heart.beat() == "sent"
        assert await heart.beat() == "withheld"
        turns[0] += 1
        wrong[0] = "store: away"
        assert await heart.beat() == "withheld"
        assert listening.asked == 1
        wrong[0] = ""
        turns[0] += 1
        listening.answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        assert await heart.beat() == "failed"
        turns[0] += 1
        listening.silent = True
        assert await heart.beat() == "failed"
    text = observe.exposition().decode()
    assert 'agentwatch_heartbeats_total{outcome="sent"} 1.0' in text
    assert 'agentwatch_heartbeats_total{outcome="withheld"} 3.0' in text


async def test_a_heartbeat_that_nobody_hears_never_stops_the_daemon():
    async with httpx.AsyncClient() as client:
        heart = Heartbeat("http://127.0.0.1:9/x", HeartbeatOptions(), client, iter(range(9)).__next__, str)
        assert await heart.beat() == "failed"

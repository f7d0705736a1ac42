"""A state that a forked child encodes: as it was at the fork, whole or not at all, and no child is left."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from agentwatch.service.apart import Apart, ChildFailed, can_fork

pytestmark = pytest.mark.skipif(not can_fork(), reason="no fork here")


async def all_of(child: Apart) -> list[bytes]:
    return [piece async for piece in child.pieces()]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_what_changes_after_the_fork_is_not_in_it() -> None:
    held = {number: b"%d" % number for number in range(1000)}
    child = Apart.begin(lambda: iter(held.values()))
    before = list(held.values())
    held.update(dict.fromkeys(held, b"changed"))
    pid = child._pid
    assert await all_of(child) == before
    assert gone(pid)


async def test_pieces_larger_than_any_buffer_come_whole() -> None:
    pieces = [os.urandom(5 << 20), b"", b"x" * (3 << 20)]
    assert await all_of(Apart.begin(lambda: pieces)) == pieces


async def test_what_the_child_stumbled_over_is_told() -> None:
    def fails() -> Iterator[bytes]:
        yield b"one"
        raise ValueError("cannot be encoded")

    pieces = Apart.begin(fails).pieces()
    assert await anext(pieces) == b"one"
    with pytest.raises(ChildFailed, match="ValueError: cannot be encoded"):
        await anext(pieces)


async def test_a_child_that_is_killed_has_failed() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 1000

    child = Apart.begin(endless)
    os.kill(child._pid, signal.SIGKILL)
    with pytest.raises(ChildFailed, match="ended before its time"):
        await all_of(child)


async def test_who_reads_no_further_leaves_no_child_and_no_file() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 1000

    files = open_files()
    child, unread = Apart.begin(endless), Apart.begin(endless)
    pids = child._pid, unread._pid
    async with aclosing(child.pieces()) as pieces:
        assert await anext(pieces) == b"x" * 1000
    await unread.end()
    await asyncio.sleep(0)  # the pipe is closed in the next turn of the loop
    assert all(map(gone, pids))
    assert open_files() == files


async def test_the_child_holds_nothing_open_that_the_daemon_closes() -> None:
    def waits() -> Iterator[bytes]:
        yield b"closed"
        signal.pause()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        child = Apart.begin(waits)
        async with aclosing(child.pieces()) as pieces:
            assert await anext(pieces) == b"closed"
            listening.close()
            socket.create_server(("127.0.0.1", port), reuse_port=False).close()
    assert gone(child._pid) or child._pid == 0

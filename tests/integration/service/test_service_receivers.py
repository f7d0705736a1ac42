"""Receivers of alerts change with a reload: checked first, then swapped, and nothing is told twice or not at all."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import msgspec
import pytest


class Hooks:
    """An HTTP server that keeps which path got which incident, and fails for paths named in `away`."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.away: set[str] = set()
        self.answers = asyncio.Event()
        self.answers.set()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = int(next(x for x in head.lower().split("\r\n") if x.startswith("content-length")).partition(": ")[2])
        body = json.loads(await reader.readexactly(length))
        path = head.split(" ")[1].strip("/")
        if path not in self.away:
            self.got.append((path, body["key"]))
        await self.answers.wait()
        status = 503 if path in self.away else 200
        writer.write(f"HTTP/1.1 {status} -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    def to(self, path: str) -> list[str]:
        return [key for at, key in self.got if at == path]


@pytest.fixture
async def hooks() -> AsyncIterator[Hooks]:
    found = Hooks()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield found
    server.close()
    await server.wait_closed()


def receiver(name: str, url: str) -> str:
    deliver = "deliver = { retry_s = 0.05, retry_max_s = 0.1, poll_s = 0.1 }"
    return f'[[receivers]]\nname = "{name}"\nurl = "{url}"\n{deliver}\n'


async def loop(running, agent: str) -> None:
    event = {"agent": agent, "run": agent, "op": "execute_tool", "tool": "read", "arguments": "{}", "result": "again"}
    lines = [msgspec.json.encode({**event, "id": f"{agent}{at}", "ts": time.time()}) for at in range(20)]
    answer = await running.http.post(
        "/v1/events", content=b"\n".join(lines), headers={"content-type": "application/x-ndjson"}
    )
    answer.raise_for_status()


async def test_receivers_come_go_and_change_with_a_reload_and_cursors_stay(valkey, daemon, poll, hooks):
    async with daemon(valkey, receiver("a", f"{hooks.url}/a")) as running:
        base = running.config.read_text()
        reload = running.lifecycle.reloader.reload
        await loop(running, "one")
        await poll(lambda: hooks.to("a"))
        first = {key.partition(":")[0] for key in hooks.to("a")}
        assert len(first) == 1

        # a second one comes, and tells what is recent; the first is not told again
        running.config.write_text(base + receiver("b", f"{hooks.url}/b"))
        assert reload() is True
        assert (await running.status())["last_reload"] == "loaded"
        await poll(lambda: {key.partition(":")[0] for key in hooks.to("b")} == first)

        # the first gets another address: it goes on where it was
        running.config.write_text(base.replace("/a", "/moved") + receiver("b", f"{hooks.url}/b"))
        assert reload() is True
        await loop(running, "two")
        await poll(lambda: len({key.partition(":")[0] for key in hooks.to("b")}) == 2)
        await poll(lambda: hooks.to("moved"))
        assert {key.partition(":")[0] for key in hooks.to("a")} == first
        assert not set(hooks.to("a")) & set(hooks.to("moved"))  # an incident's later states go to where it is now

        # one goes: it is heard of no more, not in the health either
        running.config.write_text(base.replace("/a", "/moved"))
        assert reload() is True
        names = {part["name"] for part in (await running.status())["components"]}
        assert "receiver a" in names
        assert "receiver b" not in names


async def test_an_alert_that_is_on_its_way_at_a_reload_is_not_told_again_elsewhere(valkey, daemon, poll, hooks):
    async with daemon(valkey, receiver("a", f"{hooks.url}/a")) as running:
        hooks.answers.clear()
        await loop(running, "one")
        await poll(lambda: hooks.to("a"))
        (told,) = hooks.to("a")
        running.config.write_text(running.config.read_text().replace("/a", "/moved"))
        assert running.lifecycle.reloader.reload() is True
        for _ in range(3):  # time enough for the change to be carried out
            await running.status()
        hooks.answers.set()
        await loop(running, "two")
        await poll(lambda: hooks.to("moved"))
        assert told not in hooks.to("moved")


async def test_a_receiver_that_is_wrong_changes_nothing_and_a_failing_one_is_mended_without_loss(
    valkey, daemon, poll, hooks, tmp_path
):
    (tmp_path / "hook").write_text(f"{hooks.url}/away")
    hooks.away.add("away")
    async with daemon(valkey, receiver("a", f"file:{tmp_path}/hook")) as running:
        good = running.config.read_text()
        reload = running.lifecycle.reloader.reload
        await loop(running, "one")

        async def failing() -> bool:
            parts = (await running.status())["components"]
            return any(part["name"] == "receiver a" and not part["ok"] for part in parts)

        await poll(failing)
        for wrong, named in (("ftp://x", "receivers.b.url"), ("file:/nowhere", "receivers.b.url")):
            running.config.write_text(good + receiver("b", wrong))
            assert reload() is False
            assert named in (await running.status())["last_reload"]
            assert await failing()
        # the file of the secret alone has changed
        (tmp_path / "hook").write_text(f"{hooks.url}/back")
        running.config.write_text(good)
        assert reload() is True
        await poll(lambda: hooks.to("back"))
        assert not await failing()

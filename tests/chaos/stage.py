"""One scenario's servers, proxy, daemon and listener, made for it alone and gone after it."""

import contextlib
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from agentwatch.keys import keys
from tests.chaos.account import Account, counted, settle
from tests.chaos.broker import Wire
from tests.chaos.daemon import Daemon
from tests.chaos.feeding import add, committed
from tests.chaos.forking import Forker
from tests.chaos.proxy import Proxy
from tests.chaos.servers import Redis, until
from tests.chaos.workload import Verdict
from tests.conftest import Broker

__all__ = ["Kit", "Stage", "stage"]


class Kit(Struct, kw_only=True):
    """What scenarios are made of: where, which server ("valkey" or "redis"), how a broker is made, and the events.

    sends: how many of the events are different ones, where some are sent twice.
    """

    directory: Path
    redis: str
    broker: Callable[[Path], Broker]
    lines: Sequence[bytes]
    expected: Sequence[Verdict]
    forker: Forker | None = None
    sends: int = 0


class Stage:
    """What a scenario works with. `feed` gives the daemon its next share of the events."""

    def __init__(self, kit: Kit, directory: Path, server: Redis, broker: Broker, proxy: Proxy, daemon: Daemon) -> None:
        self.kit = kit
        self.directory = directory
        self.server = server
        self.broker = broker
        self.proxy = proxy
        self.daemon = daemon
        self.wire = Wire(broker.port)
        self.lines = list(kit.lines)
        self.sent = 0
        self.injected = 0
        self._started = time.monotonic()

    def feed(self, share: float = 1.0) -> int:
        """Add the next share of all events (1: all that is left); gives how many are on the stream now."""
        lines = self.lines
        until_ = min(len(lines), self.sent + max(1, int(len(lines) * share))) if share < 1.0 else len(lines)
        with self.server.client() as client:
            add(client, lines[self.sent : until_])
        self.sent = until_
        return until_

    def done(self, events: int | None = None) -> None:
        """Wait until so many events (None: all that were fed) are committed."""
        wanted = self.sent if events is None else events

        def reached() -> bool:
            assert self.daemon.alive, self.daemon.words()
            with contextlib.suppress(Exception), self.server.client() as client:
                return committed(client) >= wanted
            return False

        until(reached, lambda: f"{wanted} events are not committed: {self.daemon.words()}")

    def _delivered(self) -> bool:
        """Tell whether every sink has confirmed the last decision: what a broker missed is late, no more."""
        with self.server.client() as client:
            last = int(client.hget(keys(0).committed, "seq") or 0)
            places = [client.get(keys(0).cursor(sink)) for sink in ("redis", "mqtt")]
        return all(int((place or b"0").split(b"-")[0]) >= last for place in places)

    def finish(self, scenario: str, *, lossy: bool = False, lives: bool = True, mixed: bool = False) -> Account:
        """Feed what is left, let the daemon work it off and end it in good order, and add up."""
        self.proxy.arm(None)
        self.feed()
        self.done()
        until(self._delivered, lambda: f"the sinks do not come to the end: {self.daemon.words()}")
        if lives:
            assert self.daemon.end() == 0, self.daemon.words()
        with self.server.client() as client:
            took = time.monotonic() - self._started
            return settle(
                scenario, self.injected, client, self.kit.expected, len(self.kit.lines), self.wire, took, lossy=lossy,
                different=self.kit.sends, mixed=mixed,
            )  # fmt: skip

    def told(self, event: str) -> int:
        """Count an event's lines in the daemon's log."""
        return self.daemon.log.read_text(errors="replace").count(event)

    def counted(self) -> int:
        """Count the events in the ledgers."""
        with self.server.client() as client:
            return counted(client)


@contextmanager
def stage(
    kit: Kit, name: str, *, appendfsync: str = "always", unclean_starts: int = 0, batch: int = 12
) -> Iterator[Stage]:
    """Set everything up but for the daemon's first life, and take it all down."""
    kit.directory.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix=name.replace(" ", "-"), dir=kit.directory))
    with contextlib.ExitStack() as stack:
        server = Redis(kit.redis, directory / "redis", appendfsync)
        server.start()
        stack.callback(lambda: server.end(signal.SIGKILL))
        broker = kit.broker(directory / "broker")
        broker.start()
        stack.callback(broker.stop)
        proxy = Proxy(server.port)
        proxy.start()
        stack.callback(proxy.stop)
        daemon = Daemon(
            directory, proxy.url, mqtt=broker.url, forker=kit.forker, unclean_starts=unclean_starts, batch=batch
        )
        stack.callback(lambda: daemon.end(signal.SIGKILL))
        made = Stage(kit, directory, server, broker, proxy, daemon)
        stack.callback(made.wire.close)
        yield made

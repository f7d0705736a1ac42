"""A TCP proxy between the daemon and Redis that knows what is asked, and does harm at a chosen moment of it."""

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from hashlib import sha1
from importlib.resources import files
from typing import Any, Literal

from msgspec import Struct

__all__ = ["LABELS", "SCRIPTS", "Fault", "Proxy", "label_of"]

Moment = Literal["before", "half", "unanswered", "answered"]
Harm = Literal["call", "cut", "stall", "hang"]

SCRIPTS = {
    "acquire": "lease taken",
    "commit": "commit",
    "cursor": "cursor moved",
    "flip": "checkpoint published",
    "renew": "lease renewed",
    "settle": "ledgers added up",
}
_DIGESTS = {
    sha1(files("agentwatch.store").joinpath(f"lua/{name}.lua").read_bytes(), usedforsecurity=False)
    .hexdigest()
    .encode(): label
    for name, label in SCRIPTS.items()
}
LABELS = (
    *("lease taken", "batch read", "commit", "ledgers added up", "wake-up", "cursor moved"),
    *("checkpoint chunk", "checkpoint published", "streams trimmed"),
)


def label_of(request: bytes) -> str:
    """Name what a request is for by its first bytes; empty where it is none of ours."""
    words = request[:400].split(b"\r\n")[2:10:2]
    command, first = (*words, b"", b"")[:2]
    match command:
        case b"EVALSHA":
            return _DIGESTS.get(first, "")
        case b"MULTI":
            return "batch read" if b"XREADGROUP" in request else ""
        case b"SET":
            return "checkpoint chunk" if b":state:" in first else ""
    return {b"XTRIM": "streams trimmed", b"PUBLISH": "wake-up", b"TIME": "time"}.get(command, "")


class Fault(Struct, kw_only=True):
    """Harm at one moment of the n-th request of a kind (`skip` of them pass).

    harm: "call" calls `call` and drops the connection; "cut" drops it after `bytes_on` bytes of the answer; "stall"
    waits `seconds`; "hang" passes nothing more of this connection and does not close it.
    every: again at each such request.
    """

    label: str
    moment: Moment
    harm: Harm = "call"
    skip: int = 0
    seconds: float = 0.0
    bytes_on: int = 0
    every: bool = False
    call: Callable[[], None] = lambda: None


class _Dropped(Exception):
    """The connection is to be closed."""


class Proxy:
    """Listens on a port of its own in a thread of its own. `upstream` may change; while `down`, nobody gets through."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.port = 0
        self.rewrite: Callable[[str, bytes], bytes] | None = None
        self.fired = threading.Event()
        self.seen: Counter[str] = Counter()
        self.harmed = 0
        self._fault: Fault | None = None
        self._down = False
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chaos-proxy", daemon=True)

    @property
    def url(self) -> str:
        """What the daemon is told."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        self._call(self._listen())

    def stop(self) -> None:
        """Drop everybody and end the thread."""
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def arm(self, fault: Fault | None) -> None:
        """Take the fault that is to happen next; None takes back what was armed."""

        async def put() -> None:
            self._fault = fault
            self.fired.clear()

        self._call(put())

    def drop_all(self, *, down: bool = False) -> None:
        """Cut every connection; `down` refuses new ones too, until `up`."""
        self._call(self._drop(down))

    def up(self) -> None:
        """Let connections through again."""
        self._down = False

    def _call(self, work: Coroutine[Any, Any, object]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=1 << 22)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._drop(True)

    async def _drop(self, down: bool) -> None:
        self._down = down
        links = tuple(self._links)
        for link in links:
            link.cancel()
        if links:
            await asyncio.wait(links, timeout=5)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        try:
            if self._down:
                return
            there, back = await asyncio.open_connection("127.0.0.1", self.upstream, limit=1 << 22)
            try:
                await self._link(_Link(self, reader, back), _Link(self, there, writer))
            finally:
                back.close()
        except (OSError, _Dropped, asyncio.CancelledError):
            pass
        finally:
            self._links.discard(task)
            writer.close()

    async def _link(self, asked: "_Link", answered: "_Link") -> None:
        asked.other = answered.other = [""]
        ways = {asyncio.create_task(asked.ask()), asyncio.create_task(answered.answer())}
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    def due(self, label: str, moments: tuple[Moment, ...]) -> Fault | None:
        """Give the armed fault where its moment has come."""
        fault = self._fault
        if fault is None or fault.label != label or fault.moment not in moments:
            return None
        if fault.skip > 0:
            fault.skip -= 1
            return None
        if not fault.every:
            self._fault = None
        self.harmed += 1
        return fault

    def done(self) -> None:
        """Tell whoever waits that the harm is done."""
        self.fired.set()


class _Link:
    """One direction of one connection; `other` is the label of what was asked last, shared by both directions."""

    def __init__(self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._reader = reader
        self._writer = writer
        self.other: list[str] = [""]

    async def ask(self) -> None:
        """Pass requests on."""
        while data := await self._reader.read(1 << 20):
            label = label_of(data)
            if label:
                self._proxy.seen[label] += 1
                self.other[0] = label
                if fault := self._proxy.due(label, ("before", "half")):
                    if fault.moment == "half":
                        data = await self._part(data, len(data) // 2)
                    await self._harm(fault)
            elif data.startswith(b"*"):
                self.other[0] = ""
            await self._pass(data)

    async def answer(self) -> None:
        """Pass answers on."""
        while data := await self._reader.read(1 << 20):
            label = self.other[0]
            if label and self._proxy.rewrite is not None:
                data = self._proxy.rewrite(label, data)
            if label and (fault := self._proxy.due(label, ("unanswered",))):
                data = await self._part(data, fault.bytes_on)
                await self._harm(fault)
            await self._pass(data)
            if label and (fault := self._proxy.due(label, ("answered",))):
                await self._harm(fault)

    async def _part(self, data: bytes, size: int) -> bytes:
        """Pass the beginning on and give the rest, which follows where the harm is only a wait."""
        await self._pass(data[:size])
        return data[size:]

    async def _pass(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def _harm(self, fault: Fault) -> None:
        if fault.harm == "stall":
            self._proxy.done()
            await asyncio.sleep(fault.seconds)
            return
        if fault.harm == "hang":
            self._proxy.done()
            await asyncio.Event().wait()
        if fault.harm == "call":
            with contextlib.suppress(ProcessLookupError):
                fault.call()
        self._proxy.done()
        raise _Dropped

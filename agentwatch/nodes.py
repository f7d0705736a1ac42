"""Which server holds a partition: of a single server that one, of a cluster the node that owns the partition's slot.

All keys of a partition lie in one slot, so one ordinary client of the owning node does everything for it: transactions,
scripts, blocking reads, wake-ups and the server's clock. What moves is followed: an answer that the slot is elsewhere,
or a node that does not answer, makes the next request ask the cluster anew.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, ReadOnlyError, RedisError, ResponseError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError

from agentwatch.closing import close
from agentwatch.connection import RedisOptions, connect, reading
from agentwatch.keys import META, PERMITS, keys

__all__ = ["CommonClient", "NodeClient", "Nodes"]

_ELSEWHERE = (AskError, ClusterDownError, ReadOnlyError, TryAgainError)  # a node says that it is not the one to ask


class Nodes:
    """The clients of one Redis, by partition, and how many partitions there are.

    `seeds`: further nodes as `host:port`, asked where the URL's is away. `partitions` is told by whoever has read it.
    `on_change` is called with the cluster's nodes when others own the slots than before.
    """

    def __init__(self, url: str, options: RedisOptions, seeds: Sequence[str] = (), partitions: int = 1) -> None:
        self._url = url
        self._options = options
        self._seeds = tuple(seeds)
        self._first = connect(url, options)
        self._clients: dict[str, Any] = {}  # `host:port` → client
        self._owners: list[tuple[int, int, str]] = []  # first slot, last slot, `host:port`
        self._stale = True
        self._asking = asyncio.Lock()
        self._asked = 0
        self._closed = False
        self.cluster = False
        self.on_change: Callable[[list[str]], None] = lambda _: None
        self.partitions = partitions

    async def settle(self) -> None:
        """Find out what kind of server it is, before anything else. Raises `StoreUnavailable`."""
        with reading("greeting Redis"):
            told = await self._any(("HELLO",))  # every user may ask this, whatever else it may not
            self.cluster = told[told.index(b"mode") + 1] == b"cluster"
            if self.cluster:
                await self._refresh()

    def of(self, index: int) -> Any:
        """Give the client of a partition."""
        return NodeClient(self, key_slot(keys(index).prefix.encode())) if self.cluster else self._first

    async def node(self, index: int) -> Any:
        """Give the very client of the node that holds a partition, for what is bound to one connection: a subscription.

        Raises what the driver raises.
        """
        return await NodeClient(self, key_slot(keys(index).prefix.encode())).node() if self.cluster else self._first

    @property
    def permits(self) -> Any:
        """The client of the slot in which all partitions reserve their kills."""
        return NodeClient(self, key_slot(PERMITS.encode())) if self.cluster else self._first

    @property
    def common(self) -> Any:
        """The client for what holds for all partitions: each command goes to the node of its one key."""
        return CommonClient(self) if self.cluster else self._first

    async def owner(self, slot: int) -> Any:
        """Give the client of the node that owns a slot, as far as is known; in doubt the cluster is asked first.

        Raises what the driver raises.
        """
        if self._stale:
            await self._refresh()
        place = next((place for first, last, place in self._owners if first <= slot <= last), "")
        if not place:
            self._stale = True
            raise RedisConnectionError(f"no node of the cluster owns slot {slot}")
        return self._client(place)

    def doubt(self, error: BaseException | None) -> None:
        """Ask the cluster anew before the next request, where an error says that a node is not the one to ask."""
        answered = isinstance(error, ResponseError) and not isinstance(error, _ELSEWHERE)
        if isinstance(error, RedisError | OSError) and not answered:
            self._stale = True

    async def aclose(self) -> None:
        """Close the connections to all nodes for good, those of the first address too."""
        self._closed = True
        await close(self._first, *self._clients.values())

    async def _refresh(self) -> None:
        asked = self._asked
        async with self._asking:
            if self._asked != asked:  # another request has asked meanwhile
                return
            owners = sorted(_owners(await self._any(("CLUSTER SLOTS",))))
            self._asked += 1
            if self._owners and owners != self._owners:
                self.on_change(sorted({place for _, _, place in owners}))
            self._owners, self._stale = owners, False

    async def _any(self, command: tuple[str, ...]) -> Any:
        """Ask the first node that answers: those known, then those named. Raises the last one's error."""
        known = dict.fromkeys([place for _, _, place in self._owners] + list(self._seeds))
        clients = [self._first, *(self._client(place) for place in known)]
        for at, client in enumerate(clients):
            try:
                return await client.execute_command(*command)
            except (RedisError, OSError):
                if at == len(clients) - 1:
                    raise
        raise RedisConnectionError("there is no node to ask")

    def _client(self, place: str) -> Any:
        found = self._clients.get(place)
        if found is None:
            if self._closed:
                raise RedisConnectionError("these clients were closed")
            parts = urlsplit(self._url)
            login, at, _ = parts.netloc.rpartition("@")
            url = urlunsplit(parts._replace(netloc=f"{login}{at}{place}"))
            found = self._clients[place] = connect(url, self._options)
        return found


class NodeClient:
    """Speaks to whichever node owns one slot; to its callers a client like any other."""

    def __init__(self, nodes: Nodes, slot: int) -> None:
        self._nodes = nodes
        self._slot = slot

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command to the owner."""
        try:
            client = await self._nodes.owner(self._slot)
            return await client.execute_command(*args, **options)
        except (RedisError, OSError) as error:
            self._nodes.doubt(error)
            raise

    async def publish(self, channel: str, message: bytes) -> Any:
        """Publish through the owner; the cluster passes it on to every node."""
        return await self.execute_command("PUBLISH", channel, message)

    async def node(self) -> Any:
        """Give the owner's own client."""
        try:
            return await self._nodes.owner(self._slot)
        except (RedisError, OSError) as error:
            self._nodes.doubt(error)
            raise

    def pipeline(self, transaction: bool = True) -> "_NodePipeline":
        """Open a pipeline on the owner."""
        return _NodePipeline(self, self._nodes.doubt, transaction)


class CommonClient:
    """Sends each command to whichever node owns its key; one without a key goes where `META` is."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command; all keys of a script are to lie in one slot."""
        at = 3 if args[0] in ("EVAL", "EVALSHA") else 1
        key = args[at] if len(args) > at else META
        slot = key_slot(key if isinstance(key, bytes) else str(key).encode())
        return await NodeClient(self._nodes, slot).execute_command(*args, **options)


class _NodePipeline:
    def __init__(self, client: NodeClient, doubt: Callable[[BaseException | None], None], transaction: bool) -> None:
        self._client = client
        self._doubt = doubt
        self._transaction = transaction
        self._pipe: Any = None

    async def __aenter__(self) -> Self:
        client = await self._client.node()
        self._pipe = await client.pipeline(transaction=self._transaction).__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._doubt(error)
        await self._pipe.__aexit__(kind, error, trace)

    def execute_command(self, *args: Any) -> None:
        """Queue one command."""
        self._pipe.execute_command(*args)

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send what is queued; answers that are errors are in the list where they are not to be raised."""
        answer: list[Any] = await self._pipe.execute(raise_on_error=raise_on_error)
        for part in answer:
            if isinstance(part, ResponseError):
                self._doubt(part)
        return answer


def _owners(told: Iterable[Any]) -> Iterable[tuple[int, int, str]]:
    """Read `CLUSTER SLOTS`: ranges of slots, each with its primary first."""
    for first, last, primary, *_ in told:
        host = primary[0].decode()
        place = f"[{host}]:{primary[1]}" if ":" in host else f"{host}:{primary[1]}"
        yield first, last, place

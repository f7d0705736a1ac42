"""Sends an emitter's batches to the partition's stream over Redis. Blocking; imported where there is a Redis URL."""

import time
from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import RedisError
from redis.retry import Retry

from agentwatch.client.identity import DEFAULT_TENANT
from agentwatch.errors import StoreUnavailable
from agentwatch.keys import META, keys, partition
from agentwatch.records import Event

__all__ = ["RedisSink"]

_PARTITIONS_AGE_S = 10.0


class RedisSink:
    """Appends to the streams in one pipeline. `maxlen` 0 leaves all trimming to the daemon."""

    def __init__(
        self, url: str, timeout_s: float, maxlen: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._maxlen = maxlen or None
        self._clock = clock
        self._client: Any = None  # Redis is generic over its answers in the stubs, not at run time
        self._partitions = 1
        self._partitions_at = -inf

    def send(self, events: Sequence[Event], encoded: Sequence[bytes]) -> int:
        """Deliver a batch; a part of it may arrive twice after a failure, which its ids make good."""
        try:
            client = self._connect()
            with client.pipeline(transaction=False) as pipe:
                for event, data in zip(events, encoded, strict=True):
                    app = event.app or event.agent
                    index = partition(event.tenant or DEFAULT_TENANT, app, self._partitions)
                    pipe.xadd(keys(index).events, {"data": data}, maxlen=self._maxlen, approximate=True)
                pipe.execute()
        except (RedisError, OSError) as error:
            raise StoreUnavailable(f"Redis: {error}") from error
        return 0

    def close(self) -> None:
        """Let the connection go."""
        client, self._client = self._client, None
        if isinstance(client, RedisCluster):  # its own `close` leaves the connections open, where it has a URL
            client.disconnect_connection_pools()  # type: ignore[no-untyped-call]  # as the driver has it
        if client is not None:
            client.close()

    def _connect(self) -> Any:
        if self._client is None:
            self._client = _open(self._url, self._timeout_s)
        now = self._clock()
        if now - self._partitions_at > _PARTITIONS_AGE_S:
            self._partitions = int(self._client.hget(META, "partitions") or 1)
            self._partitions_at = now
        return self._client


def _open(url: str, timeout_s: float) -> Any:
    """Connect to a server, or to the cluster that it is a node of; the emitter itself waits and tries again."""
    options: dict[str, Any] = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
    client: Any = Redis.from_url(url, retry=Retry(NoBackoff(), 0), protocol=2, **options)
    try:
        told = client.execute_command("HELLO")
        if told[told.index(b"mode") + 1] != b"cluster":
            return client
    except (RedisError, OSError):
        client.close()
        raise
    client.close()
    return RedisCluster.from_url(url, retry=Retry(NoBackoff(), 1), **options)

"""Where an emitter's batches go: the partition's stream over Redis, or the control API over HTTP. Blocking."""

import time
from collections.abc import Callable, Sequence
from math import inf
from typing import Any, Protocol

import msgspec
from msgspec import Struct
from redis import Redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import RedisError
from redis.retry import Retry

from agentwatch.client.http_session import Answered, HttpSession
from agentwatch.client.identity import DEFAULT_TENANT
from agentwatch.client.log import log
from agentwatch.errors import UNREADABLE, StoreUnavailable
from agentwatch.keys import META, keys, partition
from agentwatch.records import Event

__all__ = ["EventSink", "HttpSink", "RedisSink"]

_PARTITIONS_AGE_S = 10.0
_PARTLY_REFUSED = 422
_REFUSED_FOR_GOOD = frozenset({400, 413})


class EventSink(Protocol):
    """A way for batches of events to travel."""

    def send(self, events: Sequence[Event], encoded: Sequence[bytes]) -> int:
        """Deliver, confirmed; returns how many were refused for good. Raises `Unavailable` to be called again."""

    def close(self) -> None:
        """Let the connection go."""


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


class _PartlyRefused(Struct, frozen=True):
    """What a 422 tells: how many events were refused; the others were written."""

    errors_total: int = 0
    detail: str = ""


class HttpSink:
    """Posts batches as NDJSON to `/v1/events`."""

    def __init__(self, url: str, token: str, timeout_s: float) -> None:
        self._session = HttpSession(url, token, timeout_s)

    def send(self, events: Sequence[Event], encoded: Sequence[bytes]) -> int:
        """Deliver a batch. One that cannot be taken as a whole is halved until the event at fault is alone."""
        answer = self._session.request("POST", "/v1/events", b"\n".join(encoded) + b"\n", "application/x-ndjson")
        if answer.status < 300:
            return 0
        if answer.status == _PARTLY_REFUSED:
            return self._partly(answer, len(events))
        if answer.status not in _REFUSED_FOR_GOOD:
            raise StoreUnavailable(f"the control API answered {answer.status}")
        if len(events) > 1:
            half = len(events) // 2
            return self.send(events[:half], encoded[:half]) + self.send(events[half:], encoded[half:])
        log.warning("emitter_event_refused", status=answer.status, reason=answer.body[:200].decode(errors="replace"))
        return 1

    def _partly(self, answer: Answered, count: int) -> int:
        try:
            told = msgspec.json.decode(answer.body, type=_PartlyRefused)
        except UNREADABLE:
            told = _PartlyRefused(errors_total=count)
        log.warning("emitter_events_refused", refused=told.errors_total, of=count, reason=told.detail)
        return told.errors_total

    def close(self) -> None:
        """Let the connection go."""
        self._session.close()

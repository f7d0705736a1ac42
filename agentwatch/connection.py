"""One way to open a connection to Redis, and one way to read what its driver raises.

Answers are raw: bytes, integers and lists as the server sent them, whatever the version of the driver.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import hiredis
from msgspec import Struct
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from agentwatch.cancellation import cancellable
from agentwatch.closing import EndingPool
from agentwatch.errors import BadConfig, Incompatible, StoreUnavailable

__all__ = ["RedisOptions", "check_tls_files", "connect", "reading", "url_reason"]

_READ_BYTES = 1 << 20  # of a batch's answer at once: in small parts each is copied again, and the socket is paused
_TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


class RedisOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long to wait for a connection and for an answer, and how many connections to hold at most."""

    connect_timeout_s: float = 2.0
    timeout_s: float = 5.0
    max_connections: int = 32


def connect(url: str, options: RedisOptions) -> Any:
    """Make a client for `redis://`, `rediss://` or `unix://`; nothing is sent yet. Raises `BadConfig` for a bad URL.

    With TLS the URL may name PEM files: `?ssl_ca_certs=&ssl_certfile=&ssl_keyfile=`.

    The driver does not retry: an attempt that failed is reported at once, and the caller backs off. A client that was
    closed stays closed.
    """
    check_tls_files(url, "redis.url")
    try:
        pool: Any = EndingPool.from_url(
            url,
            protocol=2,
            decode_responses=False,
            socket_connect_timeout=options.connect_timeout_s,
            socket_timeout=options.timeout_s,
            socket_read_size=_READ_BYTES,
            max_connections=options.max_connections,
            retry=Retry(NoBackoff(), 0),
            client_name="agentwatch",
        )
        client = Redis.from_pool(pool)
    except (ValueError, TypeError) as error:
        raise BadConfig(url_reason(error), "redis.url") from None
    # Parsing answers entry by entry costs as much as everything else together; what is read here is read raw.
    client.response_callbacks.clear()
    pool.connection_class = _in_bulk(pool.connection_class)
    return cancellable(client)


@lru_cache(maxsize=8)
def _in_bulk(kind: type[Any]) -> type[Any]:
    """Let connections put commands together in C, and hold as much as they read at once.

    A commit has thousands of arguments, each dear in Python.
    """

    def pack_command(self: Any, *args: Any) -> list[bytes]:  # noqa: ARG001  # the driver's signature
        words = args[0].encode() if isinstance(args[0], str) else args[0]
        return [hiredis.pack_command((*words.split(), *args[1:]))]

    def arguments(self: Any) -> dict[str, Any]:
        found = kind._connection_arguments(self)  # noqa: SLF001  # of TCP and TLS; a UNIX socket has none
        return {**found, "limit": _READ_BYTES}

    return type(f"Bulk{kind.__name__}", (kind,), {"pack_command": pack_command, "_connection_arguments": arguments})


def url_reason(error: Exception) -> str:
    """Say what is wrong with a Redis URL, without a password of it that was taken for something else."""
    told = str(error)
    known = told if told.startswith("Redis URL must specify") or "unexpected keyword" in told else ""
    return known or "is no URL; write redis://host:port/0, with % escapes in name and password"


def check_tls_files(url: str, field: str) -> None:
    """Raise `BadConfig` where a file that a Redis URL names for TLS cannot be read; later it looked like an outage."""
    for name, values in parse_qs(urlsplit(url).query).items():
        if name in _TLS_FILES and not os.access(values[-1], os.R_OK):
            raise BadConfig(f"cannot read {values[-1]} ({name})", field)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn whatever the driver raises inside into `StoreUnavailable`, a key of another type into `Incompatible`."""
    try:
        yield
    except RedisError as error:
        if str(error).startswith("WRONGTYPE"):
            raise Incompatible(f"{what}: a key holds another type: {error}") from error
        raise StoreUnavailable(f"{what}: {str(error) or type(error).__name__}") from error
    except (OSError, TimeoutError) as error:
        raise StoreUnavailable(f"{what}: {str(error) or type(error).__name__}") from error

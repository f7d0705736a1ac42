"""The signal path over Redis: control keys are the authority, Pub/Sub only wakes the reader."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from math import inf
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from agentwatch.backoff import Backoff
from agentwatch.cancellation import cancellable
from agentwatch.client.channel import Listener
from agentwatch.client.identity import Identity
from agentwatch.client.log import log
from agentwatch.client.obedience import Held
from agentwatch.client.options import GuardOptions
from agentwatch.errors import SignalUnavailable
from agentwatch.keys import META, Keys, keys, partition
from agentwatch.records import Ack, Command

__all__ = ["RedisChannel"]

_PARTITIONS_AGE_S = 10.0


class RedisChannel:
    """Reads the control keys on start, on every wake-up and every `poll_s`."""

    name = "redis"

    def __init__(
        self,
        url: str,
        identity: Identity,
        listener: Listener,
        options: GuardOptions,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._identity = identity
        self._subjects = identity.subjects()
        self._listener = listener
        self._options = options
        self._clock = clock
        self._backoff = Backoff(options.reconnect)
        self._client: Any = None  # Redis is generic over its answers in the stubs, not at run time
        self._keys: Keys | None = None
        self._keys_at = -inf
        self._reading = asyncio.Lock()

    async def run(self) -> None:
        """Listen until cancelled, reconnecting for ever."""
        while True:
            try:
                await self._session()
            except (RedisError, OSError, SignalUnavailable) as error:
                self._listener.unsettled()
                self._listener.down(self.name, str(error) or type(error).__name__)
            await asyncio.sleep(self._backoff.next())

    async def refresh(self) -> None:
        """Read the control keys now. Raises `SignalUnavailable`."""
        if self._client is None:
            raise SignalUnavailable("not connected to Redis yet")
        try:
            async with self._reading:
                await self._read(await self._names())
        except (RedisError, OSError) as error:
            self._listener.unsettled()
            raise SignalUnavailable(f"Redis: {error}") from error

    async def take(self, intervals: Mapping[str, float]) -> float:
        """Take one call from the limits that all processes share: 0.0, or the seconds until it is worth asking.

        Raises `SignalUnavailable`.
        """
        if self._client is None:
            raise SignalUnavailable("not connected to Redis yet")
        try:
            names = await self._names()
            script = files("agentwatch.client").joinpath("lua/take.lua").read_text()
            limits = [names.limit(subject) for subject in intervals]
            steps = [round(interval * 1e6) for interval in intervals.values()]
            return int(await self._client.eval(script, len(limits), *limits, *steps)) / 1e6
        except (RedisError, OSError) as error:
            raise SignalUnavailable(f"Redis: {error}") from error

    async def acknowledge(self, acks: Sequence[Ack]) -> None:
        """Append to the partition's acks stream. Raises `SignalUnavailable`."""
        if self._client is None:
            raise SignalUnavailable("not connected to Redis yet")
        try:
            stream = (await self._names()).acks
            async with self._client.pipeline(transaction=False) as pipe:
                for ack in acks:
                    pipe.xadd(stream, {"data": msgspec.json.encode(ack)})
                await pipe.execute()
        except (RedisError, OSError) as error:
            raise SignalUnavailable(f"Redis: {error}") from error

    async def close(self) -> None:
        """Let the connections go."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _session(self) -> None:
        await self.close()
        # Retrying inside the driver would hide an outage from the guard for longer than a kill may take.
        client = Redis.from_url(
            self._url,
            socket_timeout=self._options.timeout_s,
            socket_connect_timeout=self._options.timeout_s,
            retry=Retry(NoBackoff(), 0),
        )
        self._client = cancellable(client)
        self._keys_at = -inf
        names = await self._names()
        async with self._client.pubsub() as pubsub:
            await pubsub.subscribe(*(names.signal(subject) for subject in self._subjects))
            for _ in self._subjects:  # the confirmations: from here on a wake-up is not missed
                await pubsub.get_message(timeout=self._options.timeout_s)
            while names == await self._names():
                async with self._reading:
                    await self._read(names)
                self._listener.up(self.name)
                self._backoff.reset()
                await pubsub.get_message(timeout=self._options.poll_s)

    async def _names(self) -> Keys:
        """Name this app's keys; the number of partitions is asked for again now and then, as it may change."""
        now = self._clock()
        if self._keys is None or now - self._keys_at > _PARTITIONS_AGE_S:
            count = int(await self._client.hget(META, "partitions") or 1)
            self._keys = keys(partition(self._identity.tenant, self._identity.app, count))
            self._keys_at = now
        return self._keys

    async def _read(self, names: Keys) -> None:
        asked_at = self._clock()
        controls = [names.control(subject) for subject in self._subjects]
        values = await self._client.mget(controls)
        present = [(key, value) for key, value in zip(controls, values, strict=True) if value is not None]
        left: list[int] = []
        if present:
            async with self._client.pipeline(transaction=False) as pipe:
                for key, _ in present:
                    pipe.pttl(key)
                left = await pipe.execute()
        found: dict[str, Held] = {}
        for (key, value), left_ms in zip(present, left, strict=True):
            held = self._held(key, value, left_ms)
            if held is not None:
                found[held.command.subject] = held
        self._listener.settled(found, asked_at)

    def _held(self, key: str, value: bytes, left_ms: int) -> Held | None:
        """Read a control key; its expiry is the lease, so clocks need not agree. -1: it has none, -2: it is gone."""
        if left_ms == -2:
            return None
        try:
            command = msgspec.json.decode(value, type=Command)
        except msgspec.MsgspecError as error:
            log.error("control_key_unreadable", key=key, reason=str(error))
            return None
        now = self._clock()
        return Held(command, inf if left_ms == -1 else now + left_ms / 1000, now)

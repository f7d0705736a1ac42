"""The signal path over Redis: control keys are the authority, Pub/Sub only wakes the reader."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from math import inf

import msgspec
from redis.exceptions import RedisError

from agentwatch.backoff import Backoff
from agentwatch.client.channel import Listener
from agentwatch.client.identity import Identity
from agentwatch.client.log import log
from agentwatch.client.obedience import Held
from agentwatch.client.options import GuardOptions
from agentwatch.connection import RedisOptions
from agentwatch.errors import UNREADABLE, SignalUnavailable, StoreUnavailable
from agentwatch.keys import META, Keys, keys, partition
from agentwatch.nodes import Nodes
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
        self._nodes: Nodes | None = None
        self._keys: Keys | None = None
        self._keys_at = -inf
        self._reading = asyncio.Lock()

    async def run(self) -> None:
        """Listen until cancelled, reconnecting for ever."""
        while True:
            try:
                await self._session()
            except (RedisError, OSError, SignalUnavailable, StoreUnavailable) as error:
                self._listener.unsettled()
                self._listener.down(self.name, str(error) or type(error).__name__)
            await asyncio.sleep(self._backoff.next())

    async def refresh(self) -> None:
        """Read the control keys now. Raises `SignalUnavailable`."""
        nodes = self._connected()
        try:
            async with self._reading:
                await self._read(nodes, await self._names(nodes))
        except (RedisError, OSError) as error:
            self._listener.unsettled()
            raise SignalUnavailable(f"Redis: {error}") from error

    async def take(self, intervals: Mapping[str, float]) -> float:
        """Take one call from the limits that all processes share: 0.0, or the seconds until it is worth asking.

        Raises `SignalUnavailable`.
        """
        nodes = self._connected()
        try:
            names = await self._names(nodes)
            script = files("agentwatch.client").joinpath("lua/take.lua").read_text()
            limits = [names.limit(subject) for subject in intervals]
            steps = [round(interval * 1e6) for interval in intervals.values()]
            client = nodes.of(names.index)
            return int(await client.execute_command("EVAL", script, len(limits), *limits, *steps)) / 1e6
        except (RedisError, OSError) as error:
            raise SignalUnavailable(f"Redis: {error}") from error

    async def acknowledge(self, acks: Sequence[Ack]) -> None:
        """Append to the partition's acks stream. Raises `SignalUnavailable`."""
        nodes = self._connected()
        try:
            names = await self._names(nodes)
            async with nodes.of(names.index).pipeline(transaction=False) as pipe:
                for ack in acks:
                    pipe.execute_command("XADD", names.acks, "*", "data", msgspec.json.encode(ack))
                await pipe.execute()
        except (RedisError, OSError) as error:
            raise SignalUnavailable(f"Redis: {error}") from error

    async def close(self) -> None:
        """Let the connections go."""
        nodes, self._nodes = self._nodes, None
        if nodes is not None:
            await nodes.aclose()

    def _connected(self) -> Nodes:
        if self._nodes is None:
            raise SignalUnavailable("not connected to Redis yet")
        return self._nodes

    async def _session(self) -> None:
        await self.close()
        timeout_s = self._options.timeout_s
        nodes = self._nodes = Nodes(self._url, RedisOptions(connect_timeout_s=timeout_s, timeout_s=timeout_s))
        await nodes.settle()
        self._keys_at = -inf
        names = await self._names(nodes)
        async with (await nodes.node(names.index)).pubsub() as pubsub:
            await pubsub.subscribe(*(names.signal(subject) for subject in self._subjects))
            for _ in self._subjects:  # the confirmations: from here on a wake-up is not missed
                await pubsub.get_message(timeout=timeout_s)
            while names == await self._names(nodes):
                async with self._reading:
                    await self._read(nodes, names)
                self._listener.up(self.name)
                self._backoff.reset()
                await pubsub.get_message(timeout=self._options.poll_s)

    async def _names(self, nodes: Nodes) -> Keys:
        """Name this app's keys; the number of partitions is asked for again now and then, as it may change."""
        now = self._clock()
        if self._keys is None or now - self._keys_at > _PARTITIONS_AGE_S:
            count = int(await nodes.common.execute_command("HGET", META, "partitions") or 1)
            self._keys = keys(partition(self._identity.tenant, self._identity.app, count))
            self._keys_at = now
        return self._keys

    async def _read(self, nodes: Nodes, names: Keys) -> None:
        asked_at = self._clock()
        client = nodes.of(names.index)
        controls = [names.control(subject) for subject in self._subjects]
        values = await client.execute_command("MGET", *controls)
        present = [(key, value) for key, value in zip(controls, values, strict=True) if value is not None]
        left: list[int] = []
        if present:
            async with client.pipeline(transaction=False) as pipe:
                for key, _ in present:
                    pipe.execute_command("PTTL", key)
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
        except UNREADABLE as error:
            log.error("control_key_unreadable", key=key, reason=str(error))
            return None
        if self._keys is None or self._keys.control(command.subject) != key:
            log.error("control_key_misplaced", key=key, subject=command.subject)
            return None
        now = self._clock()
        return Held(command, inf if left_ms == -1 else now + left_ms / 1000, now)

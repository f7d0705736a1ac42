"""The signal path over MQTT: retained commands of every covering subject, answers on the subject's ack topic."""

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec

from agentwatch.backoff import Backoff
from agentwatch.broker import BrokerAddress, BrokerConnection, BrokerMessage, connect
from agentwatch.client.channel import Listener
from agentwatch.client.identity import Identity
from agentwatch.client.log import log
from agentwatch.client.options import GuardOptions
from agentwatch.errors import UNREADABLE, BadRequest, SignalUnavailable
from agentwatch.records import Ack, Command
from agentwatch.topics import STATUS, ack_topic, command_topic, subject_of

__all__ = ["MqttChannel", "lease_s"]


class _Sent(Command, frozen=True, kw_only=True):
    """A command as it is published: with the milliseconds that its lease had left then."""

    ttl_ms: int | None = None


class _Status(msgspec.Struct, frozen=True):
    state: str = ""


def lease_s(command: Command, ttl_ms: int | None, retained: bool, wall: float) -> float:
    """Tell how long a published command still stands, in seconds.

    A live message says it itself, whatever the clocks. A retained one may be old: there the wall clock decides, and
    the time that was left when it was published is the most that it can be.
    """
    whole = command.expires_at - command.issued_at if ttl_ms is None else ttl_ms / 1000
    return min(whole, command.expires_at - wall) if retained else whole


class MqttChannel:
    """One subscribed connection. Subscribing delivers what stands, so nothing is missed while it was away."""

    name = "mqtt"

    def __init__(
        self,
        address: BrokerAddress,
        identity: Identity,
        listener: Listener,
        options: GuardOptions,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._address = address
        self._topics = [command_topic(subject) for subject in identity.subjects()]
        self._listener = listener
        self._options = options
        self._wall = wall
        self._backoff = Backoff(options.reconnect)
        self._connection: BrokerConnection | None = None
        self._told: set[str] = set()
        self._settle: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Listen until cancelled, reconnecting for ever."""
        while True:
            try:
                await self._session()
            except (SignalUnavailable, OSError) as error:
                self._listener.down(self.name, str(error))
            finally:
                self._connection = None
                if self._settle is not None:
                    self._settle.cancel()
            await asyncio.sleep(self._backoff.next())

    async def refresh(self) -> None:
        """Nothing to ask for: a broker tells what it retains when it is subscribed to, and pushes the rest."""

    async def acknowledge(self, acks: Sequence[Ack]) -> None:
        """Publish to the subjects' ack topics at QoS 1. Raises `SignalUnavailable`."""
        connection = self._connection
        if connection is None:
            raise SignalUnavailable("not connected to the broker")
        encode = msgspec.json.encode
        await connection.publish(*[BrokerMessage(topic=ack_topic(ack.subject), payload=encode(ack)) for ack in acks])

    async def close(self) -> None:
        """Nothing is held outside of `run`."""

    async def _session(self) -> None:
        options = self._options
        async with connect(
            self._address,
            protocol=options.mqtt_protocol,
            keepalive_s=options.mqtt_keepalive_s,
            timeout_s=options.timeout_s,
        ) as connection:
            self._told = set()
            await connection.subscribe(*self._topics)
            # The status comes last, so what is retained has been told when it arrives.
            await connection.subscribe(STATUS)
            self._connection = connection
            self._backoff.reset()
            loop = asyncio.get_running_loop()
            self._settle = loop.call_later(options.settle_s, self._listener.up, self.name)
            async for message in connection.client.messages:
                payload = message.payload if isinstance(message.payload, bytes) else b""
                self._take(str(message.topic), payload, message.retain)

    def _take(self, topic: str, payload: bytes, retained: bool) -> None:
        try:
            if topic == STATUS:
                self._take_status(payload)
                return
            if topic not in self._topics:
                raise BadRequest("not a topic of this run", "topic")  # noqa: TRY301  # logged alike
            subject = subject_of(topic)
            if not payload:
                self._told.discard(subject)
                self._listener.forgotten([subject])
                return
            sent = msgspec.json.decode(payload, type=_Sent)
        except (*UNREADABLE, BadRequest) as error:
            log.error("mqtt_message_unreadable", topic=topic, reason=str(error))
            return
        if sent.subject != subject:
            log.error("mqtt_command_misplaced", topic=topic, subject=sent.subject)
            return
        self._told.add(subject)
        self._listener.heard(sent, lease_s(sent, sent.ttl_ms, retained, self._wall()))

    def _take_status(self, payload: bytes) -> None:
        """Take `online`: it comes after all that stands was published again, so whatever is missing has ended."""
        if payload and msgspec.json.decode(payload, type=_Status).state == "online":
            self._listener.complete(sorted(self._told))
            self._listener.up(self.name)

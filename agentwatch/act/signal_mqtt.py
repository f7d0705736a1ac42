"""Commands over MQTT: retained, QoS 1, cleared when their lease ends; acknowledgements come back the same way."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import structlog
from msgspec import Meta, Struct

from agentwatch.act.mqtt_payload import command_messages, nothing, resume_command, status_message, status_payload
from agentwatch.act.retained import Retained
from agentwatch.backoff import Backoff, BackoffOptions
from agentwatch.broker import BrokerAddress, BrokerConnection, BrokerMessage, BrokerWill, connect
from agentwatch.cancellation import end
from agentwatch.errors import UNREADABLE, BadRequest, SignalUnavailable
from agentwatch.observe import metrics
from agentwatch.records import Ack, Command
from agentwatch.topics import ACKS, COMMANDS, STATUS, command_topic, subject_of

if TYPE_CHECKING:
    import aiomqtt

__all__ = ["MqttOptions", "MqttSignal"]

_NOT_YET = "not connected yet"
_log = structlog.get_logger()
_IDLE_S = 3600.0
_AT_ONCE = 64  # messages that wait for the broker's confirmation together


class MqttOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """protocol: 5 lets the broker itself drop what has expired, 3.1.1 is spoken by every broker.

    timeout_s: of one exchange, and the longest that `send` waits for a connection. max_acks: acknowledgements that may
    wait to be read; the oldest goes first and is counted. retry_s, retry_max_s: waits between attempts to connect.
    """

    protocol: Literal["3.1.1", "5"] = "3.1.1"
    client_id: str = ""
    keepalive_s: Annotated[int, Meta(ge=1, le=3600)] = 15
    timeout_s: Annotated[float, Meta(gt=0, le=300)] = 5.0
    max_acks: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    max_subjects: Annotated[int, Meta(ge=1, le=10_000_000)] = 100_000
    retry_s: Annotated[float, Meta(gt=0, le=60)] = 0.05
    retry_max_s: Annotated[float, Meta(gt=0, le=300)] = 0.5


class MqttSignal:
    """One connection to one broker, held by `run`. Everything retained is told again after each reconnection.

    `mine` tells which subjects are this worker's: where several share a broker, each clears only its own. `sign` gives
    a command its signature, with the key that is in force when it is published. `hear` is told the epochs of what the
    broker was found to retain: guards may know them, whatever the store remembers.
    """

    name = "mqtt"

    def __init__(
        self,
        address: BrokerAddress,
        options: MqttOptions = MqttOptions(),  # noqa: B008  # frozen
        *,
        mine: Callable[[str], bool] = lambda _: True,
        sign: Callable[[Command], Command] = lambda command: command,
        hear: Callable[[int], None] = lambda _: None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._hear = hear
        self._address = address
        self._options = options
        self._mine = mine
        self._sign = sign
        self._wall = wall
        self._backoff = Backoff(BackoffOptions(min_s=options.retry_s, max_s=options.retry_max_s))
        self._connection: BrokerConnection | None = None
        self._retained = Retained(options.max_subjects)
        self._reconciled = False
        self._ready = asyncio.Event()
        self._learnt = asyncio.Event()
        self._sending = asyncio.Lock()
        self._ends_changed = asyncio.Event()
        self._acks: deque[Ack] = deque()
        self._acks_waiting = asyncio.Event()
        self.failing = _NOT_YET

    @property
    def connected(self) -> bool:
        """Whether commands can be delivered now."""
        return self._ready.is_set()

    async def run(self) -> None:
        """Hold the connection until cancelled, reconnecting for ever; the broker tells of our end by the will."""
        while True:
            try:
                await self._session()
            except SignalUnavailable as error:
                if self.failing in ("", _NOT_YET):
                    _log.warning("mqtt_awaited" if self.failing else "mqtt_lost", reason=str(error))
                self.failing = str(error)
            finally:
                self._connection = None
            await asyncio.sleep(self._backoff.next())

    async def send(self, command: Command) -> None:
        """Retain a command at the broker. Raises `SignalUnavailable`; an older epoch than was sent is left out."""
        await self._until_ready()
        async with self._sending:
            if not self._retained.newer(command.subject, command.epoch):
                return
            # Noted first: the next one may go out before this one is confirmed, and what is not is told again.
            self._retained.put(command)
            self._ends_changed.set()
            connection = self._connected()
            sent = connection.begin(command_messages([command], self._wall(), self._sign))
        await connection.confirmed(sent)

    async def clear(self, subject: str, epoch: int) -> None:
        """Tell live guards to go on, then let the broker retain nothing. Raises `SignalUnavailable`."""
        await self._until_ready()
        async with self._sending:
            if not self._retained.newer(subject, epoch):
                return
            self._retained.remove(subject, epoch)
            go_on = msgspec.json.encode(self._sign(resume_command(subject, epoch, self._wall())))
            connection, topic = self._connected(), command_topic(subject)
            sent = connection.begin([BrokerMessage(topic=topic, payload=go_on), nothing(subject)])
        await connection.confirmed(sent)
        self._retained.cleared(subject, epoch)

    async def reconcile(self, standing: Sequence[Command]) -> None:
        """Make what the broker retains equal to what stands. Raises `SignalUnavailable`."""
        async with self._sending:
            # Noted even while there is no connection: the next one begins with it.
            self._retained.replace([command for command in standing if self._mine(command.subject)])
            self._reconciled = True
            self._ends_changed.set()
        await self._until_ready()
        async with self._sending:
            await self._assert_all()

    async def until_learnt(self, within_s: float) -> None:
        """Wait until it was heard once what the broker retains; a broker that is away is waited for no longer."""
        try:
            async with asyncio.timeout(within_s):
                await self._learnt.wait()
        except TimeoutError:
            _log.info("broker_not_asked", address=repr(self._address), within_s=within_s)

    async def acks(self) -> AsyncIterator[Ack]:
        """Yield acknowledgements of our subjects until cancelled."""
        while True:
            await self._acks_waiting.wait()
            self._acks_waiting.clear()
            while self._acks:
                yield self._acks.popleft()

    async def _session(self) -> None:
        options = self._options
        async with connect(
            self._address,
            identifier=options.client_id or None,
            will=BrokerWill(STATUS, status_payload("offline", self._wall())),
            protocol=options.protocol,
            keepalive_s=options.keepalive_s,
            timeout_s=options.timeout_s,
        ) as connection:
            found = await self._learn(connection)
            self._connection = connection
            reading = asyncio.create_task(self._read(connection.client), name="mqtt-read")
            serving = asyncio.create_task(self._serve(found), name="mqtt-serve")
            try:
                done, _ = await asyncio.wait({reading, serving}, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                self._ready.clear()
                self._connection = None
                connection.abandon()
                await end((reading, serving), options.timeout_s)
                await self._say_offline(connection)

    async def _learn(self, connection: BrokerConnection) -> list[Command]:
        """Subscribe to acknowledgements, and find what a former life left retained.

        Subscribing delivers it, and all of it before the answer to unsubscribing.
        """
        await connection.subscribe(ACKS)
        await connection.subscribe(COMMANDS)
        await connection.unsubscribe(COMMANDS)
        found: list[Command] = []
        messages = connection.client.messages
        for _ in range(len(messages)):
            command = self._take(await anext(messages))
            if command is not None:
                found.append(command)
        return found

    async def _serve(self, found: Sequence[Command]) -> None:
        """Bring the broker up to date, then clear commands as their leases end."""
        async with self._sending:
            self._hear(max((command.epoch for command in found), default=0))
            self._learnt.set()
            self._retained.adopt(found, self._wall(), self._reconciled)
            await self._assert_all()
            await self._connected().publish(status_message("online", self._wall()))
        self._backoff.reset()
        _log.info("mqtt_connected", address=repr(self._address), retained=len(self._retained))
        self.failing = ""
        self._ready.set()
        while True:
            await self._clear_due()
            await self._until_next_end()

    async def _read(self, client: "aiomqtt.Client") -> None:
        async for message in client.messages:
            self._take(message)

    def _take(self, message: "aiomqtt.Message") -> Command | None:
        """Queue an acknowledgement, or give the command that was found retained."""
        topic = str(message.topic)
        payload = message.payload if isinstance(message.payload, bytes) else b""
        try:
            subject = subject_of(topic)
            if not payload or not self._mine(subject):
                return None
            if topic.endswith("/command"):
                return msgspec.json.decode(payload, type=Command) if message.retain else None
            ack = msgspec.json.decode(payload, type=Ack)
            if ack.subject != subject:
                raise BadRequest(f"an acknowledgement for {ack.subject!r}", "subject")  # noqa: TRY301  # logged alike
        except (*UNREADABLE, BadRequest) as error:
            _log.warning("mqtt_message_unreadable", topic=topic, reason=str(error))
            return None
        self._queue(ack)
        return None

    def _queue(self, ack: Ack) -> None:
        if len(self._acks) >= self._options.max_acks:
            self._acks.popleft()
            metrics().dropped.labels("acks").inc()
        self._acks.append(ack)
        self._acks_waiting.set()

    async def _assert_all(self) -> None:
        """Retain everything that stands and clear everything that does not."""
        self._retained.expire(self._wall())
        standing = self._retained.standing()
        for at in range(0, len(standing), _AT_ONCE):
            commands = standing[at : at + _AT_ONCE]
            await self._connected().publish(*command_messages(commands, self._wall(), self._sign))
        await self._take_due_back()

    async def _clear_due(self) -> None:
        async with self._sending:
            self._retained.expire(self._wall())
            await self._take_due_back()

    async def _take_due_back(self) -> None:
        due = self._retained.due()
        for at in range(0, len(due), _AT_ONCE):
            subjects = due[at : at + _AT_ONCE]
            await self._connected().publish(*map(nothing, subjects))
            for subject in subjects:
                self._retained.cleared(subject)

    async def _until_next_end(self) -> None:
        self._ends_changed.clear()
        end = self._retained.next_end()
        left_s = _IDLE_S if end is None else min(max(end - self._wall(), 0.0), _IDLE_S)
        try:
            async with asyncio.timeout(left_s):
                await self._ends_changed.wait()
        except TimeoutError:
            return

    def _connected(self) -> BrokerConnection:
        if self._connection is None:
            raise SignalUnavailable(f"broker: {self.failing}")
        return self._connection

    async def _until_ready(self) -> None:
        """Wait for a connection, so that a command goes out the moment that there is one."""
        try:
            async with asyncio.timeout(self._options.timeout_s):
                await self._ready.wait()
        except TimeoutError as error:
            raise SignalUnavailable(f"broker: {self.failing}") from error

    async def _say_offline(self, connection: BrokerConnection) -> None:
        """Say in good order what the will would say; the broker may be the one that is gone."""
        try:
            async with asyncio.timeout(1.0):
                await connection.publish(status_message("offline", self._wall()))
        except (SignalUnavailable, TimeoutError) as error:
            _log.debug("mqtt_offline_not_said", reason=str(error))

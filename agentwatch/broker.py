"""How to reach an MQTT broker: its address as a URL, and the one place that opens an aiomqtt connection.

aiomqtt is optional (`agentwatch[mqtt]`), so it is imported when a connection is opened.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from msgspec import Struct

from agentwatch.cancellation import surely
from agentwatch.errors import BadConfig, SignalUnavailable

if TYPE_CHECKING:
    import aiomqtt

__all__ = [
    "BrokerAddress",
    "BrokerConnection",
    "BrokerMessage",
    "BrokerWill",
    "address_url",
    "broker_address",
    "connect",
    "require_mqtt",
]

_QUERY = {"ca", "cert", "key", "password_file"}
_MAX_INCOMING = 10_000


class BrokerAddress(Struct, frozen=True, kw_only=True):
    """Where a broker listens and how to log in. `ca`, `cert` and `key` are PEM files for TLS."""

    host: str
    port: int = 1883
    tls: bool = False
    user: str = ""
    password: str = ""
    password_file: str = ""
    ca: str = ""
    cert: str = ""
    key: str = ""

    def __repr__(self) -> str:
        return f"BrokerAddress({'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port})"


def address_url(address: BrokerAddress) -> str:
    """Write an address as the URL that `broker_address` reads; it holds the password and is not for logs."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    login = ""
    if address.user or address.password:
        login = f"{quote(address.user, safe='')}:{quote(address.password, safe='')}@"
    query = urlencode({name: value for name in sorted(_QUERY) if (value := getattr(address, name))})
    scheme = "mqtts" if address.tls else "mqtt"
    return f"{scheme}://{login}{host}:{address.port}" + (f"?{query}" if query else "")


class BrokerMessage(Struct, frozen=True, kw_only=True):
    """One message that is to be published. `expiry_s` is told to brokers that speak MQTT 5."""

    topic: str
    payload: bytes = b""
    retain: bool = False
    expiry_s: int | None = None


class BrokerWill(Struct, frozen=True):
    """What the broker publishes, retained, when the connection breaks."""

    topic: str
    payload: bytes


def broker_address(url: str, field: str = "mqtt") -> BrokerAddress:
    """Read `mqtt[s]://[user[:password]@]host[:port][?ca=&cert=&key=&password_file=]`; `BadConfig` names the field."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or port == -1:
        raise BadConfig("write mqtt://host[:port] or mqtts://host[:port]", field)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    unknown = sorted(set(query) - _QUERY)
    if unknown:
        raise BadConfig(f"unknown option {unknown[0]!r} in the broker's URL; known: {', '.join(sorted(_QUERY))}", field)
    tls = parts.scheme == "mqtts"
    return BrokerAddress(
        host=parts.hostname,
        port=port or (8883 if tls else 1883),
        tls=tls,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        **query,
    )


def require_mqtt() -> None:
    """Raise `BadConfig` where aiomqtt is not installed."""
    try:
        import aiomqtt  # noqa: F401  # only whether it can be imported is asked
    except ImportError as error:
        raise BadConfig("MQTT needs aiomqtt: install agentwatch[mqtt]", "mqtt") from error


class BrokerConnection:
    """One open connection. Errors come as `SignalUnavailable`."""

    def __init__(self, client: "aiomqtt.Client", protocol: Literal["3.1.1", "5"]) -> None:
        self.client = client
        self._protocol = protocol
        self._publishing: set[asyncio.Task[None]] = set()

    def begin(self, messages: Sequence[BrokerMessage]) -> "list[asyncio.Task[None]]":
        """Put messages on their way at QoS 1, in order; `confirmed` is to be awaited."""
        sent = []
        for one in messages:
            properties = self._properties(one.expiry_s)
            work = self.client.publish(one.topic, one.payload, qos=1, retain=one.retain, properties=properties)
            sent.append(asyncio.create_task(work, name="mqtt-publish"))
        self._publishing.update(sent)
        return sent

    async def confirmed(self, sent: "Sequence[asyncio.Task[None]]") -> None:
        """Wait until the broker has taken all of these."""
        from aiomqtt import MqttError

        try:
            # The driver waits on for a confirmation that a broken connection cannot bring; `abandon` ends that.
            for task in sent:
                await asyncio.wait({task})
                if task.cancelled():
                    raise SignalUnavailable("broker: the connection broke while a message was to be confirmed")
                task.result()
        except MqttError as error:
            raise SignalUnavailable(f"broker: {error}") from error
        finally:
            for task in sent:
                task.cancel()
            self._publishing.difference_update(sent)

    async def publish(self, *messages: BrokerMessage) -> None:
        """Publish at QoS 1, in order, and wait for the confirmation of all."""
        await self.confirmed(self.begin(messages))

    async def subscribe(self, *topics: str) -> None:
        """Subscribe at QoS 1; what is retained is delivered next."""
        await surely(self.client.subscribe([(topic, 1) for topic in topics]))

    async def unsubscribe(self, topic: str) -> None:
        """Undo a subscription; everything it has delivered is there when this returns."""
        await surely(self.client.unsubscribe(topic))

    def abandon(self) -> None:
        """Stop waiting for confirmations: the connection is over."""
        for task in self._publishing:
            task.cancel()

    def _properties(self, expiry_s: int | None) -> Any:
        if self._protocol != "5" or expiry_s is None:
            return None
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho has no annotation there
        properties.MessageExpiryInterval = expiry_s
        return properties


@asynccontextmanager
async def connect(
    address: BrokerAddress,
    *,
    identifier: str | None = None,
    will: BrokerWill | None = None,
    protocol: Literal["3.1.1", "5"] = "3.1.1",
    keepalive_s: int = 15,
    timeout_s: float = 2.0,
) -> AsyncIterator[BrokerConnection]:
    """Hold one connection; whatever breaks it, also inside the block, is raised as `SignalUnavailable`."""
    require_mqtt()
    import aiomqtt

    try:
        client = aiomqtt.Client(
            address.host,
            address.port,
            username=address.user or None,
            password=_password(address),
            identifier=identifier,
            will=aiomqtt.Will(will.topic, will.payload, qos=1, retain=True) if will else None,
            protocol=aiomqtt.ProtocolVersion.V5 if protocol == "5" else aiomqtt.ProtocolVersion.V311,
            keepalive=keepalive_s,
            timeout=timeout_s,
            max_queued_incoming_messages=_MAX_INCOMING,
            tls_context=_tls(address),
            # A command is one small packet: waiting for more to go with it costs 40 ms.
            socket_options=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
        )
        await surely(client.__aenter__())
        connection = BrokerConnection(client, protocol)
        try:
            yield connection
        finally:
            connection.abandon()
            await surely(client.__aexit__(None, None, None))
    except (aiomqtt.MqttError, OSError) as error:
        raise SignalUnavailable(f"broker {address.host}:{address.port}: {error}") from error


def _password(address: BrokerAddress) -> str | None:
    if address.password_file:
        return Path(address.password_file).read_text(encoding="utf-8").rstrip("\n")
    return address.password or None


def _tls(address: BrokerAddress) -> ssl.SSLContext | None:
    if not address.tls:
        return None
    context = ssl.create_default_context(cafile=address.ca or None)
    if address.cert:
        context.load_cert_chain(address.cert, address.key or None)
    return context

"""An MQTT broker on loopback in the daemon's own loop, for trying things out without installing one.

It keeps nothing over a restart: after one, senders publish the standing commands anew. Production uses mosquitto.
"""

import errno
import importlib
import logging
from typing import Any

import structlog

from agentwatch.errors import BadConfig, SignalUnavailable

__all__ = ["EmbeddedBroker", "start_broker"]

_log = structlog.get_logger()


class EmbeddedBroker:
    """A running broker, as `start_broker` returns it."""

    def __init__(self, broker: Any, host: str, port: int) -> None:
        self._broker = broker
        self.host = host
        self.port = port

    def forget(self) -> None:
        """Drop every retained message."""
        self._broker.retained_messages.clear()

    async def stop(self) -> None:
        """Disconnect every client and close the port. Stopping twice is fine."""
        broker, self._broker = self._broker, None
        if broker is not None:
            await broker.shutdown()
            _log.info("embedded_broker_stopped", host=self.host, port=self.port)


async def start_broker(host: str = "127.0.0.1", port: int = 1883) -> EmbeddedBroker:
    """Listen for MQTT 3.1.1 clients on a loopback address, without passwords.

    Raises `BadConfig` when the extra is not installed or the address is not loopback, `SignalUnavailable` when the
    port cannot be had.
    """
    if host not in ("127.0.0.1", "::1", "localhost"):
        raise BadConfig("the embedded broker has no passwords and binds to loopback only", "mqtt.embedded.host")
    try:
        module = importlib.import_module("amqtt.broker")
        errors = importlib.import_module("amqtt.errors")
    except ImportError as error:
        raise BadConfig(
            "the embedded broker is not installed: install agentwatch[embedded]", "mqtt.embedded.enabled"
        ) from error
    for noisy in ("amqtt", "transitions"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"{host}:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    broker = module.Broker(config)
    try:
        await broker.start()
    except (errors.BrokerError, OSError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__ or error.__context__
        if isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE:
            raise SignalUnavailable(f"mqtt.embedded.port: port {port} on {host} is already in use") from error
        raise SignalUnavailable(f"the embedded broker did not start on {host}:{port}: {error}") from error
    _log.info("embedded_broker_started", host=host, port=port)
    return EmbeddedBroker(broker, host, port)

"""What a guard hears over MQTT, written down: every command on the wire, and what the broker retains."""

import threading
import time
from collections.abc import Mapping

import msgspec
from paho.mqtt import client as paho

from agentwatch.records import Command
from agentwatch.topics import COMMANDS, subject_of

__all__ = ["Wire"]


class Wire:
    """One subscriber that stays through the run, and asks anew at its end what is retained."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = threading.Lock()
        self.heard: list[Command] = []
        self._client = self._connect(self.heard)

    def close(self) -> None:
        """Leave."""
        self._client.loop_stop()
        self._client.disconnect()

    def retained(self) -> dict[str, Command]:
        """Ask with a connection of its own what the broker retains."""
        found: list[Command] = []
        done = threading.Event()
        client = self._connect(found, done)
        done.wait(5)
        time.sleep(0.05)
        client.loop_stop()
        client.disconnect()
        return {command.subject: command for command in found}

    def settled(self, wanted: Mapping[str, int], within_s: float = 10.0) -> dict[str, Command]:
        """Give what is retained, once it is what is wanted, or the time is over."""
        deadline = time.monotonic() + within_s
        while True:
            found = self.retained()
            if {s: c.epoch for s, c in found.items()} == dict(wanted) or time.monotonic() > deadline:
                return found
            time.sleep(0.1)

    def _connect(self, into: list[Command], done: threading.Event | None = None) -> paho.Client:
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)

        def connected(who: paho.Client, *_: object) -> None:
            who.subscribe(COMMANDS, qos=1)
            if done is not None:
                who.unsubscribe(COMMANDS)  # its answer comes after all that is retained

        def message(_who: paho.Client, _data: object, got: paho.MQTTMessage) -> None:
            subject_of(got.topic)
            if got.payload and (done is not None or not got.retain):
                with self._lock:
                    into.append(msgspec.json.decode(got.payload, type=Command))

        def unsubscribed(*_: object) -> None:
            if done is not None:
                done.set()

        client.on_connect, client.on_message, client.on_unsubscribe = connected, message, unsubscribed
        client.reconnect_delay_set(1, 1)
        client.connect("127.0.0.1", self._port)
        client.loop_start()
        return client

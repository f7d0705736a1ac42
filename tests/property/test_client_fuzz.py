"""Whatever a carrier delivers, a guard's channels neither fall over nor pass on what is not for this run."""

import contextlib
import math
from types import SimpleNamespace
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentwatch.act.signal_mqtt import MqttOptions, MqttSignal
from agentwatch.broker import broker_address
from agentwatch.client.command_stream import Frame
from agentwatch.client.http_channel import HttpChannel
from agentwatch.client.identity import Identity
from agentwatch.client.mqtt_channel import MqttChannel
from agentwatch.client.options import GuardOptions
from agentwatch.client.redis_channel import RedisChannel
from agentwatch.errors import BadRequest, SignalUnavailable
from agentwatch.keys import keys
from agentwatch.records import Command
from agentwatch.subject import covering, parse
from agentwatch.topics import STATUS, ack_topic, command_topic, subject_of

WHO = Identity(agent="bot", app="crew", run="r1", tenant="t").filled()
SUBJECTS = WHO.subjects()
GOOD = {
    "id": "d5", "cmd": "kill", "scope": "run", "subject": SUBJECTS[0], "epoch": 5, "issued_at": 1000.0,
    "expires_at": 4600.0, "ttl_ms": 60_000,
}  # fmt: skip
ACK = {"command": "d5", "subject": SUBJECTS[0], "epoch": 5, "state": "effective", "at": 1000.0, "guard": "g"}
NAMES = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.sampled_from(SUBJECTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """A command with fields changed, left out or added, perhaps with a piece cut out or put in; or any bytes."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=200))
    tree: dict[str, Any] = {
        **draw(st.sampled_from([GOOD, ACK])),
        **draw(st.dictionaries(st.sampled_from([*GOOD, "limit", "sig", "x"]), VALUES)),
    }
    for name in draw(st.lists(st.sampled_from(list(GOOD)), max_size=2)):
        tree.pop(name, None)
    data = msgspec.json.encode(tree, enc_hook=str)
    at = draw(st.integers(0, len(data)))
    return (
        data if draw(st.booleans()) else data[:at] + draw(st.binary(max_size=4)) + data[at + draw(st.integers(0, 4)) :]
    )


class Listening:
    """Keeps what came through, and holds each of it against what may."""

    def __init__(self) -> None:
        self.heard_of: list[Command] = []

    def heard(self, command: Command, lease_s: float) -> None:
        assert command.subject in SUBJECTS
        assert not math.isnan(lease_s)
        self.heard_of.append(command)

    def settled(self, found: dict[str, Any], asked_at: float) -> None:
        for subject, held in found.items():
            assert held.command.subject == subject
            assert not math.isnan(held.until)
            self.heard_of.append(held.command)

    def __getattr__(self, name: str) -> Any:
        return lambda *given: None


RELAXED = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
TOPICS = st.sampled_from([STATUS, *map(command_topic, SUBJECTS), *map(ack_topic, SUBJECTS)]) | st.text(max_size=60)


@RELAXED
@given(TOPICS, payloads(), st.booleans())
def test_any_message_of_a_broker(topic: str, payload: bytes, retained: bool) -> None:
    listener = Listening()
    channel = MqttChannel(broker_address("mqtt://h"), WHO, listener, GuardOptions(), wall=lambda: 1001.0)
    channel._take(topic, payload, retained)
    assert all(command_topic(command.subject) == topic for command in listener.heard_of)


@RELAXED
@given(st.sampled_from(SUBJECTS) | NAMES, payloads(), st.integers(-2, 10**15))
def test_any_control_key(subject: str, value: bytes, left_ms: int) -> None:
    channel = RedisChannel("redis://h", WHO, Listening(), GuardOptions())
    names = channel._keys = keys(0)
    held = channel._held(names.control(subject), value, left_ms)
    assert held is None or held.command.subject == subject


@RELAXED
@given(st.sampled_from(["command", "clear", "else", ""]), payloads())
def test_any_event_of_a_stream(event: str, data: bytes) -> None:
    channel = HttpChannel("http://h", "", WHO, Listening(), GuardOptions(), wall=lambda: 1001.0)
    with contextlib.suppress(SignalUnavailable):  # it cannot be read: the stream is opened anew
        channel._take(Frame(event, data), 1.0)


@RELAXED
@given(st.tuples(*[NAMES] * 6))
def test_every_name_survives_subject_and_topic(names: tuple[str, ...]) -> None:
    for subject in covering(*names):
        assert subject_of(command_topic(subject)) == subject
        assert subject_of(ack_topic(subject)) == subject
        scope, tenant, app, _ = parse(subject)
        assert tenant == names[0]
        assert app == ("" if scope == "tenant" else names[1])
        assert not set("+#") & set(command_topic(subject)), "no name becomes a wildcard of the broker's rules"
        assert not set("*?[]{}") & set(subject), "nor one of Redis' rules"


@RELAXED
@given(st.text(max_size=80))
def test_any_text_as_subject_or_topic(text: str) -> None:
    for read in (parse, subject_of):
        with contextlib.suppress(BadRequest):
            read(text)


@RELAXED
@given(TOPICS | st.sampled_from([ack_topic("x/y/run/z")]), payloads(), st.booleans())
def test_any_message_that_the_daemon_hears(topic: str, payload: bytes, retained: bool) -> None:
    signal = MqttSignal(broker_address("mqtt://h"), MqttOptions(max_acks=2))
    command = signal._take(SimpleNamespace(topic=topic, payload=payload, retain=retained))
    assert command is None or retained
    assert all(ack_topic(ack.subject) == topic for ack in signal._acks)

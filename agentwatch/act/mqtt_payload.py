"""What is published over MQTT: commands with the time that they have left, their end, a resume, and our own status."""

from collections.abc import Callable, Sequence

import msgspec

from agentwatch.broker import BrokerMessage
from agentwatch.records import Command
from agentwatch.subject import parse
from agentwatch.topics import STATUS, command_topic

__all__ = ["command_messages", "command_payload", "nothing", "resume_command", "status_message", "status_payload"]

_RESUME_S = 60.0


def command_payload(command: Command, left_s: float) -> bytes:
    """Encode a command with `ttl_ms`, so that a guard need not share our clock to know how long it stands."""
    return msgspec.json.encode(msgspec.to_builtins(command) | {"ttl_ms": round(left_s * 1000)})


def command_messages(
    commands: Sequence[Command], now: float, sign: Callable[[Command], Command]
) -> list[BrokerMessage]:
    """Write commands as what is to be retained; one whose lease has ended is left out."""
    found = []
    for command in commands:
        left_s = command.expires_at - now
        if left_s > 0:
            payload, expiry_s = command_payload(sign(command), left_s), max(1, round(left_s))
            topic = command_topic(command.subject)
            found.append(BrokerMessage(topic=topic, payload=payload, retain=True, expiry_s=expiry_s))
    return found


def nothing(subject: str) -> BrokerMessage:
    """Make what takes a subject's retained command back."""
    return BrokerMessage(topic=command_topic(subject), retain=True)


def resume_command(subject: str, epoch: int, now: float) -> Command:
    """Make what tells live guards of a subject to go on."""
    return Command(
        id=f"resume-{epoch}",
        cmd="resume",
        scope=parse(subject)[0],
        subject=subject,
        epoch=epoch,
        issued_at=now,
        expires_at=now + _RESUME_S,
    )


def status_payload(state: str, now: float) -> bytes:
    """Encode whether agentwatch is there: `online` or `offline`."""
    return msgspec.json.encode({"state": state, "at": now})


def status_message(state: str, now: float) -> BrokerMessage:
    """Make what tells, for as long as it is true, whether agentwatch is there."""
    return BrokerMessage(topic=STATUS, payload=status_payload(state, now), retain=True)

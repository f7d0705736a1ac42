"""What is published over MQTT, as bytes: a command with the time that it has left, a resume, and our own status."""

import msgspec

from agentwatch.records import Command
from agentwatch.subject import parse

__all__ = ["command_payload", "resume_command", "status_payload"]

_RESUME_S = 60.0


def command_payload(command: Command, left_s: float) -> bytes:
    """Encode a command with `ttl_ms`, so that a guard need not share our clock to know how long it stands."""
    return msgspec.json.encode(msgspec.to_builtins(command) | {"ttl_ms": round(left_s * 1000)})


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

"""The one naming of MQTT topics, the same for the daemon and the client.

A subject's parts are topic levels, so access rules of a broker can follow tenants and apps:

    agentwatch/v1/<tenant>/<app>/<scope>/<id>/command    retained, QoS 1: what stands for the subject; empty = nothing
    agentwatch/v1/<tenant>/<app>/<scope>/<id>/ack        QoS 1: what guards answer
    agentwatch/v1/status                                 retained, with a will: whether agentwatch is connected

An app as a whole is `<tenant>/<app>/app/<app>`, a tenant as a whole `<tenant>/-/tenant/<tenant>`. The id of a task is
`<agent>,<task>`: topics may not hold the "+" that its subject has, and escaping never leaves a "," in a part.
"""

from typing import Final

from agentwatch.errors import BadRequest
from agentwatch.subject import parse

__all__ = ["ACKS", "COMMANDS", "STATUS", "ack_topic", "command_topic", "subject_of"]

_PREFIX: Final = "agentwatch/v1"
STATUS: Final = f"{_PREFIX}/status"
ACKS: Final = f"{_PREFIX}/+/+/+/+/ack"
COMMANDS: Final = f"{_PREFIX}/+/+/+/+/command"
_LEVELS: Final = 7


def command_topic(subject: str) -> str:
    """Name the topic on which a subject's command is retained."""
    return f"{_base(subject)}/command"


def ack_topic(subject: str) -> str:
    """Name the topic on which a subject's guards answer."""
    return f"{_base(subject)}/ack"


def subject_of(topic: str) -> str:
    """Give the subject that a command or ack topic is about; raises `BadRequest` for any other topic."""
    levels = topic.split("/")
    if len(levels) != _LEVELS or not topic.startswith(f"{_PREFIX}/") or levels[-1] not in ("command", "ack"):
        raise BadRequest(f"not a command or ack topic: {topic!r}", "topic")
    tenant, app, scope, name = levels[2:6]
    if scope == "tenant":
        subject = tenant
    elif scope == "app":
        subject = f"{tenant}/{app}"
    else:
        subject = f"{tenant}/{app}/{scope}/{name.replace(',', '+')}"
    parse(subject)
    return subject


def _base(subject: str) -> str:
    levels = subject.split("/")
    if len(levels) == 1:
        levels += ["-", "tenant", subject]
    elif len(levels) == 2:
        levels += ["app", levels[1]]
    levels[3] = levels[3].replace("+", ",")
    return "/".join((_PREFIX, *levels))

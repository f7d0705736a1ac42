"""A decision as the command that travels: what an effective decision tells agents, and when it takes a command back."""

from agentwatch.records import Change, Command, Decision, Level
from agentwatch.subject import parse

__all__ = ["command_of", "takes_back"]

_NAMES: dict[Level, str] = {Level.throttle: "throttle", Level.pause: "pause", Level.kill: "kill"}
_TELLS = frozenset((Change.verified, Change.failed, Change.lapsed))  # what tells of a command and is none


def command_of(decision: Decision) -> Command | None:
    """Give the command that an effective decision sends; None where it changes nothing for the agent."""
    name = _NAMES.get(decision.level)
    if name is None or decision.gate or decision.change in _TELLS:
        return None
    return Command(
        id=decision.id,
        cmd=name,  # type: ignore[arg-type]  # the three names of the table are three of the literal's four
        scope=parse(decision.subject)[0],
        subject=decision.subject,
        epoch=decision.seq,
        reason=decision.reason,
        incident=decision.incident,
        issued_by=decision.author or "agentwatch",
        issued_at=decision.at,
        expires_at=decision.expires_at,
        grace_ms=decision.grace_ms,
        limit=decision.limit,
    )


def takes_back(decision: Decision) -> bool:
    """Tell whether a decision ends a command that may stand for its subject: the agent may go on."""
    return decision.level <= Level.warn and decision.previous >= Level.throttle

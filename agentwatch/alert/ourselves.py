"""Incidents about agentwatch itself: safe mode, a canary that lives. One is open for each kind at most."""

import msgspec
from msgspec import Struct

from agentwatch.records import Incident, Level

__all__ = ["ABOUT_ITSELF", "CANARY", "SAFE", "Ourselves"]

SAFE = "safe_mode"
CANARY = "canary"
ABOUT_ITSELF = frozenset((SAFE, CANARY))


class _State(Struct):
    open: dict[str, Incident]


class Ourselves:
    """What is wrong with agentwatch now, by kind. Every answer is an incident's next state, to be written and sent."""

    def __init__(self) -> None:
        self._open: dict[str, Incident] = {}

    def wrong(self, kind: str, reason: str, at: float) -> Incident | None:
        """Open an incident; None where one of its kind is open."""
        if kind in self._open:
            return None
        made = self._open[kind] = Incident(
            id=f"i-{kind}-{int(at * 1000)}",
            seq=1,
            state="opened",
            change=reason,
            opened_at=at,
            updated_at=at,
            tenant="agentwatch",
            app="agentwatch",
            agent="agentwatch",
            run="",
            root_run="",
            subject="agentwatch",
            kind=kind,
            level=Level.kill,
            reason=reason,
        )
        return made

    def right(self, kind: str, change: str, at: float) -> Incident | None:
        """Resolve the incident of a kind; None where none is open."""
        found = self._open.pop(kind, None)
        if found is None:
            return None
        return msgspec.structs.replace(
            found, seq=found.seq + 1, state="resolved", change=change, updated_at=at, resolved_at=at
        )

    def open(self) -> tuple[Incident, ...]:
        """List what is wrong now."""
        return tuple(self._open.values())

    def absorb(self, other: "Ourselves") -> None:
        """Take over what another found wrong."""
        self._open = {**other._open, **self._open}

    def snapshot(self) -> bytes:
        """Encode everything that must survive a restart."""
        return msgspec.msgpack.encode(_State(self._open))

    def restore(self, data: bytes) -> None:
        """Take over an encoded state."""
        self._open = msgspec.msgpack.decode(data, type=_State).open

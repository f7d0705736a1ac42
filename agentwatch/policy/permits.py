"""Kill permits where several partitions share one limit: reserved for all of them in one place, before the kill.

What the worker reserved comes in as an ordered input, so a replay needs nobody to ask. A permit that is not used within
`USE_S` is void here, and counts on where it was reserved: a crash wastes permits and never exceeds them.
"""

import msgspec
from msgspec import Struct, field

from agentwatch.records import Control, Decision, Origin

__all__ = ["PERMIT", "USE_S", "PermitState", "Permits", "scopes_of"]

PERMIT = "permit"
USE_S = 10.0  # within which a permit must be used
_AGAIN_S = 30.0  # how long a refusal holds before it is asked again
_MOST = 10_000


class PermitState(Struct):
    """What a checkpoint holds: until when each subject may be killed, by scope; and why not, until when."""

    granted: dict[str, dict[str, float]] = field(default_factory=dict)
    refused: dict[str, tuple[str, float]] = field(default_factory=dict)


def scopes_of(decision: Decision) -> tuple[str, ...]:
    """Name the scopes in which a kill is counted."""
    if decision.origin is Origin.tombstone:
        return (f"tombstone:{decision.tenant}",)
    return f"tenant:{decision.tenant}", f"rule:{decision.rule}"


class Permits:
    """The permits in hand. Asking changes nothing."""

    def __init__(self, shared: bool) -> None:
        self._shared = shared
        self._state = PermitState()

    def answer(self, decision: Decision, now: float, note: str = "") -> tuple[str, str]:
        """Say what holds a kill back and why; no name and `note` where it has all its permits."""
        if not self._lacking(decision, now):
            return "", note
        refused = self._refusal(decision.subject, now)
        return ("breaker", refused) if refused else (PERMIT, "waits for a permit, which all partitions share")

    def lacks(self, decision: Decision, now: float) -> tuple[str, ...]:
        """List the scopes in which a held kill needs a permit that may be asked for now."""
        return () if self._refusal(decision.subject, now) else self._lacking(decision, now)

    def take(self, control: Control, now: float) -> None:
        """Take in that permits were reserved, or that there was none."""
        self._tidy(now)
        subject = control.subject
        if control.value == "permit":
            self._state.refused.pop(subject, None)
            for scope in msgspec.json.decode(control.target, type=list[str]):
                self._state.granted.setdefault(scope, {})[subject] = now + USE_S
            return
        self._state.refused[subject] = (control.reason, now + _AGAIN_S)
        while len(self._state.refused) > _MOST:
            del self._state.refused[next(iter(self._state.refused))]

    def state(self) -> PermitState:
        """Give what a checkpoint holds."""
        return self._state

    def restore(self, state: PermitState) -> None:
        """Take over what a checkpoint held."""
        self._state = state

    def _lacking(self, decision: Decision, now: float) -> tuple[str, ...]:
        if not self._shared:
            return ()
        granted, subject = self._state.granted, decision.subject
        return tuple(scope for scope in scopes_of(decision) if granted.get(scope, {}).get(subject, 0.0) <= now)

    def _refusal(self, subject: str, now: float) -> str:
        reason, until = self._state.refused.get(subject, ("", 0.0))
        return reason if now < until else ""

    def _tidy(self, now: float) -> None:
        """Forget what is over; after a step back of the clock also what would be good for too long."""
        for scope, held in list(self._state.granted.items()):
            kept = {subject: until for subject, until in held.items() if now < until <= now + USE_S}
            if kept:
                self._state.granted[scope] = kept
            else:
                del self._state.granted[scope]
        self._state.refused = {s: (why, until) for s, (why, until) in self._state.refused.items() if now < until}

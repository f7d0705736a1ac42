"""Kill permits where several partitions share one limit: reserved for all of them in one place, before the kill.

What the worker reserved comes in as an ordered input, so a replay needs nobody to ask. A permit that is not used within
`USE_S` is void here, and counts on where it was reserved: a crash wastes permits and never exceeds them.
"""

from msgspec import Struct, field

__all__ = ["PERMIT", "USE_S", "PermitState", "Permits"]

PERMIT = "permit"
USE_S = 10.0  # within which a permit must be used
_AGAIN_S = 30.0  # how long a refusal holds before it is asked again
_MOST = 10_000


class PermitState(Struct):
    """What a checkpoint holds: until when each subject may be killed, by scope; and why not, until when."""

    granted: dict[str, dict[str, float]] = field(default_factory=dict)
    refused: dict[str, tuple[str, float]] = field(default_factory=dict)


class Permits:
    """The permits in hand. Asking changes nothing."""

    def __init__(self, shared: bool) -> None:
        self._shared = shared
        self._state = PermitState()

    def lacks(self, scopes: tuple[str, ...], subject: str, now: float) -> tuple[str, ...]:
        """List the scopes in which a kill of this subject needs a permit that is not in hand."""
        if not self._shared:
            return ()
        return tuple(scope for scope in scopes if self._state.granted.get(scope, {}).get(subject, 0.0) <= now)

    def refusal(self, subject: str, now: float) -> str:
        """Say why a permit was refused lately; empty where it may be asked for."""
        reason, until = self._state.refused.get(subject, ("", 0.0))
        return reason if now < until else ""

    def grant(self, scopes: tuple[str, ...], subject: str, now: float) -> None:
        """Take permits in hand."""
        self._tidy(now)
        self._state.refused.pop(subject, None)
        for scope in scopes:
            self._state.granted.setdefault(scope, {})[subject] = now + USE_S

    def refuse(self, subject: str, reason: str, now: float) -> None:
        """Remember that there was none."""
        self._tidy(now)
        self._state.refused[subject] = (reason, now + _AGAIN_S)
        while len(self._state.refused) > _MOST:
            del self._state.refused[next(iter(self._state.refused))]

    def state(self) -> PermitState:
        """Give what a checkpoint holds."""
        return self._state

    def restore(self, state: PermitState) -> None:
        """Take over what a checkpoint held."""
        self._state = state

    def _tidy(self, now: float) -> None:
        """Forget what is over; after a step back of the clock also what would be good for too long."""
        for scope, held in list(self._state.granted.items()):
            kept = {subject: until for subject, until in held.items() if now < until <= now + USE_S}
            if kept:
                self._state.granted[scope] = kept
            else:
                del self._state.granted[scope]
        self._state.refused = {s: (why, until) for s, (why, until) in self._state.refused.items() if now < until}

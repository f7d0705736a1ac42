"""What becomes of an event on which the path itself fails: it is set aside with the failure, and the batch goes on.

Such a failure is a defect of agentwatch, never of the producer. Without this one event would stop the worker, be read
again at its restart, and stop it again.
"""

import msgspec

from agentwatch.records import DeadLetter, Observation

__all__ = ["set_aside"]

_LONGEST = 500


def set_aside(seen: Observation, error: Exception, at: float) -> DeadLetter:
    """Make the dead letter of an event that could not be judged; its original can be put back once that is mended."""
    reason = f"agentwatch failed on it ({type(error).__name__}: {error}); please report this"
    return DeadLetter(
        id=seen.event.id,
        entry=seen.position,
        at=at,
        reason=reason[:_LONGEST],
        field="data",
        original={"data": msgspec.json.encode(seen.event).decode()},
    )

"""What is remembered of a run's compactions. Most runs have none."""

from msgspec import Struct

from agentwatch.detect.history import Streak

__all__ = ["Shrinking"]


class Shrinking(Struct, array_like=True, gc=False):
    """Compactions with little between, as a leaky count: stale, and the part of it that is hard.

    at: when the last one was. work: calls since then that brought something. held: tokens of the latest context; full:
    those of the context that was compacted, until the next call shows what is left. futile: nothing was shrunk.
    """

    stale: float = 0.0
    hard: float = 0.0
    at: float = 0.0
    work: int = 0
    held: int = 0
    full: int = 0
    futile: bool = False
    streak: Streak | None = None

"""What is remembered of a run whose answers say again what earlier ones said, while its context grows."""

from msgspec import Struct, field

from agentwatch.detect.familiar import Familiar
from agentwatch.detect.history import Streak

__all__ = ["Growth"]


class Growth(Struct, array_like=True, gc=False):
    """met: what the answers so far were made of. stale: leaky count of those that brought nothing to it.

    held: tokens of the latest context, base: those when the count began; 0 where the log does not tell.
    pieces: those of the latest answer, of a producer that sends them in place of a sketch.
    """

    met: Familiar = field(default_factory=Familiar)
    stale: float = 0.0
    held: int = 0
    base: int = 0
    streak: Streak | None = None
    pieces: bytes = b""

"""Who answered whom lately in a tree of runs, as digests: the evidence of ping-pong."""

from msgspec import Struct, field

from agentwatch.detect.familiar import Familiar
from agentwatch.detect.history import Streak

__all__ = ["VOICES", "Exchange", "Voice"]

VOICES = 6  # speakers of a tree whose messages are kept


class Voice(Struct, array_like=True, gc=False):
    """The last messages of one speaker: digests of several, sketches of two."""

    speaker: int
    said: bytearray = field(default_factory=bytearray)
    sketches: list[bytes] = field(default_factory=list)


class Exchange(Struct, array_like=True, gc=False):
    """The recent messages of a tree of runs between its agents.

    turns: the speakers of the last few messages, one digest each. stale: leaky count of answers that said nothing new;
    hard: the part of it that was equal to an earlier message of the same speaker. met: what was said in all.
    """

    index: int = -1
    voices: list[Voice] = field(default_factory=list)
    turns: bytearray = field(default_factory=bytearray)
    stale: float = 0.0
    hard: float = 0.0
    streak: Streak | None = None
    met: Familiar | None = None

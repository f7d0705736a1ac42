"""What one event means for the stale buckets, and how calls are named and compared."""

from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct
from xxhash import xxh3_64_intdigest

from agentwatch.detect.history import mix
from agentwatch.fingerprint import similarity
from agentwatch.records import Observation

if TYPE_CHECKING:  # they know the state, which holds a reading
    from agentwatch.detect.phrase import Phrase
    from agentwatch.detect.said import Said

__all__ = ["NOTHING", "Reading", "call_digest", "likeness", "tool_code", "tool_digest", "weigh"]


class Reading(Struct, gc=False):
    """What one event means for the stale buckets.

    kind: whose evidence it is ("" is nobody's). hard and soft are added. novel: it brought something new and takes
    evidence away. parallel: a duplicate within one step, which counts for nothing. poll: asked again in good time
    for an answer that is pending. faint: it may be honest work that looks alike, so it warns at most. apart: how
    many calls ago the same one was made. akin: it and its answer are like those of an earlier call of the tool;
    stale: so like that the answer does not speak for progress; partly: it speaks for a little. lag: after how many
    calls it came again, 0 for a new one. words: what was found, in words.
    """

    kind: str = ""
    hard: float = 0.0
    soft: float = 0.0
    novel: bool = False
    parallel: bool = False
    poll: bool = False
    faint: bool = False
    words: str = ""
    against: tuple[str, ...] = ()
    apart: int = 1
    call: int = 0
    result: int = 0
    failed: bool = False
    empty: bool = False
    writes: bool = False
    fresh: bool = False
    akin: bool = False
    stale: bool = False
    partly: bool = False
    lag: int = 0
    said: "Said | None" = None
    phrase: "Phrase | None" = None

    @property
    def accuses(self) -> bool:
        """Whether it is evidence of anything; most events are of nothing."""
        if self.said is None:
            return bool(self.kind)
        return bool(self.said.weight or self.said.link or (self.phrase is not None and self.phrase.weight))


NOTHING = Reading()  # of an event that says nothing about content; never changed


@lru_cache(maxsize=4096)
def tool_digest(tool: str) -> int:
    """Digest a tool's name."""
    return xxh3_64_intdigest(tool.encode()) or 1


@lru_cache(maxsize=4096)
def tool_code(tool: str) -> bytes:
    """Give the digest of a tool's name as the eight bytes that stand for it in the history."""
    return tool_digest(tool).to_bytes(8, "little")


def call_digest(seen: Observation) -> int:
    """Digest what was called: tool and exact arguments."""
    arguments = seen.prints.arguments
    return mix(tool_digest(seen.event.tool), arguments.exact if arguments is not None else 0)


def weigh(reading: Reading, kind: str, *, words: str, hard: float = 0.0, soft: float = 0.0) -> None:
    """Say whose evidence it is and how much, in words too."""
    reading.kind, reading.hard, reading.soft, reading.words = kind, hard, soft, words


def likeness(a: bytes, b: bytes) -> float:
    """Estimate how alike two texts are from their sketches; 0 where one has none."""
    return similarity(a, b) if a and b else 0.0

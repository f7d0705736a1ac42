"""Documents and prompts that come again and again in one app, over hours or days, whichever run or agent brings them.

A heavy-hitter table in two stages, so that it costs little where nothing repeats: a ring of digests with the times when
they came last (twelve bytes each), and for those that came again a record of what was made of them. A full ring loses
what did not come for longest, a full table of records what has least against it (compare Metwally and others,
"Efficient computation of frequent and top-k elements", 2005).
"""

from msgspec import Struct, field

__all__ = ["Hitters", "Recurrence"]

_DIGEST = 8
_ENTRY = 12  # a digest, and seconds since `base`


class Recurrence(Struct, array_like=True, gc=False):
    """One document or prompt that came more than once, and what was made of it the last time.

    told and output: digests of the input and of the answer; numbers: digest of the numbers in the answer. stale: leaky
    count of answers that said nothing new; hard: the part of it that was equal. agent and run: who, "" once it was
    more than one. tokens, cost_nusd and unpriced are what all its events used.
    """

    agent: str
    run: str
    since: float
    last: float
    index: int
    event_id: str
    told: int = 0
    output: int = 0
    shape: int = 0
    numbers: int = 0
    words: int = 0
    sketch: bytes = b""
    stale: float = 0.0
    hard: float = 0.0
    count: int = 1
    tokens: int = 0
    cost_nusd: int = 0
    unpriced: int = 0
    ids: list[str] = field(default_factory=list)


class Hitters(Struct, array_like=True, gc=False):
    """What came lately in an app: digests and times of all, and records of those that came again. `dropped` counts."""

    base: float = 0.0
    ring: bytearray = field(default_factory=bytearray)
    known: dict[int, Recurrence] | None = None
    dropped: int = 0

    def came_at(self, key: int) -> float | None:
        """Tell when a key came last, to a second; None where it is not in the ring."""
        at = self._find(key)
        return None if at < 0 else self.base + int.from_bytes(self.ring[at + _DIGEST : at + _ENTRY], "little")

    def note(self, key: int, now: float, most: int) -> None:
        """Put a key at the end of the ring, which holds at most `most` of them."""
        ring = self.ring
        if not ring:
            self.base = now
        at = self._find(key)
        if at < 0 and len(ring) >= most * _ENTRY:
            at = 0
            self.dropped += 1
        if at >= 0:
            del ring[at : at + _ENTRY]
        ring += key.to_bytes(_DIGEST, "little")
        ring += min(0xFFFFFFFF, max(0, int(now - self.base))).to_bytes(_ENTRY - _DIGEST, "little")

    def record(self, key: int, recurrence: Recurrence, most: int) -> None:
        """Begin the record of a key; of too many the one with least against it goes, among equals the longest idle."""
        if self.known is None:
            self.known = {}
        known = self.known
        if len(known) >= most:
            del known[min(known, key=lambda one: (known[one].stale, known[one].last))]
            self.dropped += 1
        known[key] = recurrence

    def _find(self, key: int) -> int:
        wanted = key.to_bytes(_DIGEST, "little")
        at = self.ring.rfind(wanted)
        while at >= 0 and at % _ENTRY:
            at = self.ring.rfind(wanted, 0, at + _DIGEST - 1)
        return at

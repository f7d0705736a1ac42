"""Which events of a run were seen already: 64-bit digests of the last 256 ids, each for 10 minutes.

The ring is one byte string of nine bytes an event (six of digest, three of seconds since the run began), so a quiet run
pays for its own few events only. Six bytes take a new id for one of 256 others once in 2^40 events.
"""

from xxhash import xxh3_64_digest

__all__ = ["SLOT", "note"]

_DIGEST = 6
SLOT = 9
_LATEST = 0xFFFFFF  # 194 days: what is later counts as then, and only the number of ids bounds the ring


def note(ring: bytes, event_id: str, second: int, most: int, window_s: float) -> bytes | None:
    """Give the ring with the id in it, or None where the id is in it already and at most `window_s` seconds old.

    second: whole seconds since the run began, not negative. most: how many ids are kept.
    """
    second = min(second, _LATEST)
    digest = xxh3_64_digest(event_id.encode())[:_DIGEST]
    at = ring.find(digest)
    while at >= 0:
        if not at % SLOT and second - _second(ring, at) <= window_s:
            return None
        at = ring.find(digest, at + 1)
    size = len(ring)
    first = size - (most - 1) * SLOT if size >= most * SLOT else 0
    while first < size and second - _second(ring, first) > window_s:
        first += SLOT
    return (ring[first:] if first else ring) + digest + second.to_bytes(SLOT - _DIGEST, "little")


def _second(ring: bytes, at: int) -> int:
    return int.from_bytes(ring[at + _DIGEST : at + SLOT], "little")

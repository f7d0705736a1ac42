"""Which events of a run were seen already: 64-bit digests of the last 256 ids, each for 10 minutes.

The ring is two byte strings that grow with use: eight bytes a digest and four a time, so a quiet run pays for its own
few events only.
"""

from msgspec import Struct
from xxhash import xxh3_64_digest

__all__ = ["Seen"]

_DIGEST = 8
_TIME = 4


class Seen(Struct, array_like=True, gc=False):
    """The ids of a run's latest events. `base` is the second from which the stored times count."""

    base: int
    digests: bytearray
    times: bytearray

    @classmethod
    def begin(cls, now: float) -> "Seen":
        """Start an empty ring at the time of the run's first event."""
        return cls(int(now), bytearray(), bytearray())

    def add(self, event_id: str, now: float, most: int, window_s: float) -> bool:
        """Remember the id and tell whether it is new; one that is younger than `window_s` seconds is not."""
        digest = xxh3_64_digest(event_id.encode())
        second = max(0, int(now) - self.base)
        at = self.digests.find(digest)
        while at >= 0:
            slot, rest = divmod(at, _DIGEST)
            if not rest and second - self._time(slot) <= window_s:
                return False
            at = self.digests.find(digest, at + 1)
        self._forget(second, most, window_s)
        self.digests += digest
        self.times += min(second, 0xFFFFFFFF).to_bytes(_TIME, "little")
        return True

    def _time(self, slot: int) -> int:
        return int.from_bytes(self.times[slot * _TIME : slot * _TIME + _TIME], "little")

    def _forget(self, second: int, most: int, window_s: float) -> None:
        held = len(self.times) // _TIME
        gone = max(0, held + 1 - most)
        while gone < held and second - self._time(gone) > window_s:
            gone += 1
        if gone:
            del self.digests[: gone * _DIGEST]
            del self.times[: gone * _TIME]

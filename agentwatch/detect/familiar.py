"""What a run has met so far, as a filter of sketch bins: whether a text brings anything that was not met before.

Likeness to the latest few texts does not tell a batch, whose items are alike and each new, from an agent that says the
same in ever other words: the words of the latter run out. A Bloom filter (1970) with one hash over the bins of sketches
tells that; of two generations the older is dropped when the younger is full, so that it neither grows nor fills up.
"""

from functools import lru_cache
from struct import unpack

from msgspec import Struct

from agentwatch.fingerprint.compiled import compiled_form

try:
    from agentwatch.detect import _kernel as native
except ImportError:  # no compiler where it was built
    native = None  # type: ignore[assignment]

__all__ = ["ANSWER", "ASKED", "PROMPT", "SAID", "Familiar", "unmet", "unmet_pieces"]

BITS = 2048
FULL = 512  # bins in a generation: a quarter of the bits, so that at most 44 of 100 new bins look familiar
ASKED = 0x51ED  # what an agent asks for
ANSWER = 0xA3C7  # what comes back
PROMPT = 0x7D41  # what it is told
SAID = 0x9B35  # what the agents of a tree say to each other
_ODD = 0x9E3779B1
_compiled_mask = getattr(native, "mask", None) if compiled_form() else None


class Familiar(Struct, array_like=True, gc=False):
    """Two generations of 256 bytes; `count` bins are in the younger."""

    young: bytes = b""
    old: bytes = b""
    count: int = 0

    def meet(self, sketch: bytes, role: int) -> None:
        """Take the bins of a sketch in."""
        self._take(_mask(sketch, role))

    def meet_pieces(self, pieces: bytes) -> None:
        """Take the pieces of an answer in."""
        self._take(_mask_of_pieces(pieces))

    def _take(self, mask: int) -> None:
        young = int.from_bytes(self.young, "little")
        fresh = (mask & ~young).bit_count()
        if self.count + fresh > FULL:
            self.old, young, self.count = self.young, 0, 0
            fresh = mask.bit_count()
        self.count += fresh
        self.young = (young | mask).to_bytes(BITS // 8, "little")


def unmet(familiar: Familiar | None, sketch: bytes, role: int) -> int:
    """Count the bins of a sketch (of 64) that were not met before; 64 where nothing was met at all."""
    if familiar is None or not sketch:
        return 64
    met = int.from_bytes(familiar.young, "little") | int.from_bytes(familiar.old, "little")
    return (_mask(sketch, role) & ~met).bit_count()


def unmet_pieces(familiar: Familiar, pieces: bytes) -> int:
    """Count the pieces of an answer that were not met before; two may fall on one bit and count once."""
    met = int.from_bytes(familiar.young, "little") | int.from_bytes(familiar.old, "little")
    return (_mask_of_pieces(pieces) & ~met).bit_count()


def _mask_of_pieces(pieces: bytes) -> int:
    bits = bytearray(BITS // 8)
    for piece in unpack(f">{len(pieces) // 2}H", pieces):
        at = (piece * _ODD & 0xFFFFFFFF) >> 21
        bits[at >> 3] |= 1 << (at & 7)
    return int.from_bytes(bits, "little")


@lru_cache(maxsize=128)
def _mask(sketch: bytes, role: int) -> int:
    """Give the bits of a sketch's bins; one is asked for as it is read and as it is learnt, and again in a loop."""
    return _bits(sketch, role) if _compiled_mask is None else int.from_bytes(_compiled_mask(sketch, role), "little")


def _bits(sketch: bytes, role: int) -> int:
    mask = 0
    for at, code in enumerate(sketch):
        mask |= 1 << (((role + (at << 8) + code) * _ODD & 0xFFFFFFFF) >> 21)
    return mask

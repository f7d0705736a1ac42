"""The recent distinct calls of a speaker, packed into one byte string: objects would cost several times as much.

An entry is its own size, the digests and marks of `_HEAD`, the sketches of arguments and answer where there are any,
and the answer's numbers, of four bytes each where all are whole and small, else of eight.
"""

from struct import Struct as Layout
from struct import error as DoesNotFit  # noqa: N812  # the module's own name says nothing

from msgspec import Struct

__all__ = ["Near", "answered", "kept", "nears", "of_tool", "same_call"]

_HEAD = Layout("<BQQQQQBB")  # size; tool, call, shape, result, shape of the result; marks; times in a row
_SKETCH = 64
_FAILED, _ARGUMENTS, _ANSWER, _SMALL, _UP, _DOWN = 1, 2, 4, 8, 16, 32
_AT_TOOL, _AT_CALL, _AT_RESULT, _AT_MARKS, _AT_SAME = 1, 9, 25, 41, 42
_MOST_SAME = 255


class Near(Struct, gc=False):
    """A recent distinct call: enough to tell how alike the next one is, and whether its answer moved."""

    packed: bytes

    @classmethod
    def of(
        cls,
        *,
        tool: int,
        call: int,
        shape: int,
        result: int,
        result_shape: int,
        failed: bool,
        arguments: bytes,
        answer: bytes,
        numbers: tuple[float, ...],
        same: int = 1,
        moved: int = 0,
    ) -> "Near":
        """Pack a call: digests, whether it failed, the sketches of arguments and answer, up to eight numbers.

        same: how many times in a row it was answered like this; more than 255 count as 255. moved: direction of the
        answer's last changed number.
        """
        marks = failed * _FAILED | bool(arguments) * _ARGUMENTS | bool(answer) * _ANSWER
        marks |= _UP if moved > 0 else _DOWN if moved < 0 else 0
        rest = arguments + answer
        if numbers:
            small = _as_small(numbers)
            marks |= _SMALL if small else 0
            rest += small or _FLOATS[len(numbers)].pack(*numbers)
        size = _HEAD.size + len(rest)
        return cls(_HEAD.pack(size, tool, call, shape, result, result_shape, marks, min(same, _MOST_SAME)) + rest)

    @property
    def tool(self) -> int:
        """Digest of the tool's name."""
        return int.from_bytes(self.packed[1:9], "little")

    @property
    def call(self) -> int:
        """Digest of tool and arguments."""
        return int.from_bytes(self.packed[9:17], "little")

    @property
    def shape(self) -> int:
        """Digest of the arguments with every number masked."""
        return int.from_bytes(self.packed[17:25], "little")

    @property
    def result(self) -> int:
        """Digest of the answer; 0 where the log held none."""
        return int.from_bytes(self.packed[25:33], "little")

    @property
    def result_shape(self) -> int:
        """Digest of the answer with every number masked."""
        return int.from_bytes(self.packed[33:41], "little")

    @property
    def failed(self) -> bool:
        """Whether the call failed."""
        return bool(self.packed[_AT_MARKS] & _FAILED)

    @property
    def same(self) -> int:
        """How many times in a row it was answered like this, 255 at most."""
        return self.packed[_AT_SAME]

    @property
    def moved(self) -> int:
        """Direction (1, -1) of its last changed number, or 0."""
        marks = self.packed[_AT_MARKS]
        return 1 if marks & _UP else -1 if marks & _DOWN else 0

    @property
    def arguments(self) -> bytes:
        """Sketch of the arguments, or nothing."""
        if not self.packed[_AT_MARKS] & _ARGUMENTS:
            return b""
        return self.packed[_HEAD.size : _HEAD.size + _SKETCH]

    @property
    def answer(self) -> bytes:
        """Sketch of the answer, or nothing."""
        marks = self.packed[_AT_MARKS]
        if not marks & _ANSWER:
            return b""
        start = _HEAD.size + (_SKETCH if marks & _ARGUMENTS else 0)
        return self.packed[start : start + _SKETCH]

    @property
    def numbers(self) -> tuple[float, ...]:
        """The first numbers of the answer, in order."""
        packed = self.packed
        marks = packed[_AT_MARKS]
        start = _HEAD.size + (_SKETCH if marks & _ARGUMENTS else 0) + (_SKETCH if marks & _ANSWER else 0)
        if start == len(packed):
            return ()
        if marks & _SMALL:
            return tuple(map(float, _INTS[(len(packed) - start) // 4].unpack_from(packed, start)))
        return _FLOATS[(len(packed) - start) // 8].unpack_from(packed, start)


def nears(ring: bytes) -> list[Near]:
    """List the calls of a ring, oldest first."""
    found, at, end = [], 0, len(ring)
    while at < end:
        after = at + ring[at]
        found.append(Near(ring[at:after]))
        at = after
    return found


def kept(ring: bytes, near: Near, most: int) -> bytes:
    """Give the ring with a call at its end: in place of the same call, else of the oldest where there are `most`."""
    packed = near.packed
    at = _place(packed[_AT_CALL : _AT_CALL + 8], ring, _AT_CALL)
    if at >= 0:
        return b"".join((ring[:at], ring[at + ring[at] :], packed))
    count, at, end = 1, 0, len(ring)
    while at < end:
        count, at = count + 1, at + ring[at]
    return (ring[ring[0] :] if count > most else ring) + packed


def same_call(call: bytes, ring: bytes) -> Near | None:
    """Find a call, given as the eight bytes of its digest."""
    at = _place(call, ring, _AT_CALL)
    return Near(ring[at : at + ring[at]]) if at >= 0 else None


def of_tool(tool: bytes, ring: bytes, *, latest: bool = True) -> list[Near]:
    """List the calls of a tool, given as the eight bytes of the digest of its name, oldest first.

    latest: also the last call of the ring.
    """
    found = _with(tool, ring, _AT_TOOL)
    if not latest and found and ring.endswith(found[-1].packed):
        found.pop()
    return found


def answered(result: bytes, ring: bytes) -> list[Near]:
    """List the calls that got an answer, given as the eight bytes of its digest, oldest first."""
    return _with(result, ring, _AT_RESULT)


def _with(digest: bytes, ring: bytes, offset: int) -> list[Near]:
    if digest not in ring:
        return []
    found, at, end = [], 0, len(ring)
    while at < end:
        after = at + ring[at]
        if ring.startswith(digest, at + offset):
            found.append(Near(ring[at:after]))
        at = after
    return found


def _place(digest: bytes, ring: bytes, offset: int) -> int:
    """Find where the entry with a digest at an offset begins, or -1."""
    if digest not in ring:
        return -1
    at, end = 0, len(ring)
    while at < end:
        if ring.startswith(digest, at + offset):
            return at
        at += ring[at]
    return -1


def _as_small(numbers: tuple[float, ...]) -> bytes:
    """Pack numbers that are all whole and small; b"" where one is not."""
    try:
        whole = tuple(map(int, numbers))
        return _INTS[len(whole)].pack(*whole) if whole == numbers else b""
    except (OverflowError, ValueError, DoesNotFit):  # infinite, no number, or of more than four bytes
        return b""


_FLOATS = tuple(Layout(f"<{count}d") for count in range(9))
_INTS = tuple(Layout(f"<{count}i") for count in range(9))

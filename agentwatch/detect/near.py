"""A recent distinct call, packed into one byte string: a run keeps several, and objects would cost twice as much."""

from collections.abc import Sequence
from struct import Struct as Layout

from msgspec import Struct

__all__ = ["Near", "answered", "of_tool", "place_of"]

_DIGESTS = Layout("<QQQQQB")  # tool, call, shape, result, shape of the result; what else there is
_SKETCH = 64
_FAILED, _ARGUMENTS, _ANSWER = 1, 2, 4
_AT_CALL, _AT_RESULT, _AT_FLAGS = 8, 24, _DIGESTS.size - 1


class Near(Struct, array_like=True, gc=False):
    """A recent distinct call: enough to tell how alike the next one is, and whether its answer moved.

    same: how many times in a row it was answered like this. moved: direction of its last changed number.
    """

    packed: bytes
    same: int = 1
    moved: int = 0

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
    ) -> "Near":
        """Pack a call: digests, whether it failed, the sketches of arguments and answer, the answer's numbers."""
        flags = failed * _FAILED | bool(arguments) * _ARGUMENTS | bool(answer) * _ANSWER
        head = _DIGESTS.pack(tool, call, shape, result, result_shape, flags)
        return cls(b"".join((head, arguments, answer, _doubles(len(numbers)).pack(*numbers))))

    @property
    def tool(self) -> int:
        """Digest of the tool's name."""
        return int.from_bytes(self.packed[:8], "little")

    @property
    def call(self) -> int:
        """Digest of tool and arguments."""
        return int.from_bytes(self.packed[8:16], "little")

    @property
    def shape(self) -> int:
        """Digest of the arguments with every number masked."""
        return int.from_bytes(self.packed[16:24], "little")

    @property
    def result(self) -> int:
        """Digest of the answer; 0 where the log held none."""
        return int.from_bytes(self.packed[24:32], "little")

    @property
    def result_shape(self) -> int:
        """Digest of the answer with every number masked."""
        return int.from_bytes(self.packed[32:40], "little")

    @property
    def failed(self) -> bool:
        """Whether the call failed."""
        return bool(self.packed[_AT_FLAGS] & _FAILED)

    @property
    def arguments(self) -> bytes:
        """Sketch of the arguments, or nothing."""
        if not self.packed[_AT_FLAGS] & _ARGUMENTS:
            return b""
        return self.packed[_DIGESTS.size : _DIGESTS.size + _SKETCH]

    @property
    def answer(self) -> bytes:
        """Sketch of the answer, or nothing."""
        flags = self.packed[_AT_FLAGS]
        if not flags & _ANSWER:
            return b""
        start = _DIGESTS.size + (_SKETCH if flags & _ARGUMENTS else 0)
        return self.packed[start : start + _SKETCH]

    @property
    def numbers(self) -> tuple[float, ...]:
        """The first numbers of the answer, in order."""
        flags = self.packed[_AT_FLAGS]
        start = _DIGESTS.size + (_SKETCH if flags & _ARGUMENTS else 0) + (_SKETCH if flags & _ANSWER else 0)
        count = (len(self.packed) - start) // 8
        return _doubles(count).unpack_from(self.packed, start) if count else ()


def place_of(call: bytes, nears: Sequence[Near]) -> int:
    """Find a call, given as the eight bytes of its digest; -1 where it is not there."""
    for at, near in enumerate(nears):
        if near.packed.startswith(call, _AT_CALL):
            return at
    return -1


def of_tool(tool: bytes, nears: Sequence[Near]) -> list[Near]:
    """List the calls of a tool, given as the eight bytes of the digest of its name."""
    return [near for near in nears if near.packed.startswith(tool)]


def answered(result: bytes, nears: Sequence[Near]) -> list[Near]:
    """List the calls that got an answer, given as the eight bytes of its digest."""
    return [near for near in nears if near.packed.startswith(result, _AT_RESULT)]


_LAYOUTS = tuple(Layout(f"<{count}d") for count in range(33))


def _doubles(count: int) -> Layout:
    return _LAYOUTS[count]

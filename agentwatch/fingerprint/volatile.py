"""Which parts of a chunk are volatile: rules over class strings, and the bounded cache of what they said.

A chunk is a run of ASCII letters, digits and the joints `- : . _`; its class string tells digits (`0`), hexadecimal
letters (`a`), other letters (`g`) and the few letters that the rules name (`T Z x n u m s h`) apart, and no more.
Rules look at *runs*: what is left of a chunk when it is split at its joints. They are tried from left to right, in
the order written, and the first that fits takes its runs. No rule asks for the absence of something, and all take whole
runs: so the text with its volatile parts replaced has no volatile part.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

__all__ = ["ADDRESS", "CLASSES", "CLOCK", "EPOCH", "PLAIN", "STAMP", "Part", "volatile_parts"]

Part = tuple[int, int, int]  # start and end in the chunk, and a kind, which says what else the text must show
Match = tuple[int, int, int]  # how many runs, of which kind, how many of the first runs stay
PLAIN, EPOCH, ADDRESS, CLOCK, STAMP = range(5)

_CACHED_BYTES = 64  # longer class strings are mostly met once
_JOINTS = bytes.maketrans(b"-:._", b"    ")
_NOT_JOINTS = bytes(set(range(256)) - set(b"-:._"))
_UUID = (8, 4, 4, 4, 12)
_EPOCHS = (10, 13, 16, 19)  # digits of seconds, milliseconds, microseconds, nanoseconds since 1970
_DURATIONS = frozenset(b"0s 0ms 0us 0ns 0m0s 0s0ms 0h0m 0h0s 0h0m0s 0m0s0ms 0h0m0s0ms".split())
_BEFORE_POINT = frozenset(b"0 0m0 0h0 0h0m0".split())  # what "0m0.12s" has before its point
_NO_MATCH = (0, PLAIN, 0)


def _classes() -> bytes:
    table = bytearray(b" " * 256)
    for letter in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz":
        table[letter] = ord("a") if letter in b"ABCDEFabcdef" else ord("g")
    for byte in b"TZxnumsh-:._":
        table[byte] = byte
    for digit in b"0123456789":
        table[digit] = ord("0")
    return bytes(table)


CLASSES = _classes()


def volatile_parts(chunk: bytes) -> tuple[Part, ...]:
    """List the volatile parts of a chunk, given its class string."""
    return _cached_parts(chunk) if len(chunk) <= _CACHED_BYTES else _find_parts(chunk)


def _find_parts(chunk: bytes) -> tuple[Part, ...]:
    runs = chunk.translate(_JOINTS).split(b" ")
    joints = chunk.translate(None, _NOT_JOINTS)  # the one at i follows the run at i
    starts = [0, *accumulate(map(_past, runs))]
    parts = []
    index = 0
    while index < len(runs):
        count, kind, kept = _NO_MATCH
        if _may_begin(runs[index : index + 2], joints[index : index + 4]):
            count, kind, kept = _match(runs[index : index + 6], joints[index : index + 5])
        if count:
            parts.append((starts[index + kept], starts[index + count] - 1, kind))
        index += count or 1
    return tuple(parts)


def _past(run: bytes) -> int:
    return len(run) + 1


def _may_begin(runs: Sequence[bytes], joints: bytes) -> bool:
    """Tell cheaply whether any rule may fit from here on: long chunks are mostly of runs where none does."""
    run = runs[0]
    if run[:1] not in (b"0", b"a"):
        return False
    if len(run) >= 8 or run == b"0000" or run[-1:] in (b"s", b"m"):
        return True
    if joints[:1] == b".":
        return joints == b"...:" or runs[1][-1:] in (b"s", b"m")
    return joints[:1] == b":" and len(run) <= 2


_cached_parts = lru_cache(maxsize=8192)(_find_parts)


def _match(runs: Sequence[bytes], joints: bytes) -> Match:
    """Match the rules on up to six runs and the joints between them."""
    return _identifier(runs, joints) or _moment(runs, joints) or _quantity(runs, joints) or _NO_MATCH


def _identifier(runs: Sequence[bytes], joints: bytes) -> Match | None:
    run = runs[0]
    if _hexadecimal(run):
        if joints[:4] == b"----" and tuple(map(len, runs[:5])) == _UUID and all(map(_hexadecimal, runs[:5])):
            return (5, PLAIN, 0) if b"0" in b"".join(runs[:5]) else None
        if len(run) >= 8 and b"0" in run and b"a" in run:
            return 1, PLAIN, 0
    if run.startswith(b"0x") and len(run) >= 8 and _hexadecimal(run[2:]):
        return 1, ADDRESS, 0
    return None


def _moment(runs: Sequence[bytes], joints: bytes) -> Match | None:
    run = runs[0]
    if run == b"0000" and joints[:3] == b"--:" and runs[1] == b"00" and runs[2] == b"00T00":
        ahead = _after_hour(runs[3:], joints[2:], seconds=False)
        return (3 + ahead, PLAIN, 0) if ahead else None
    if run in (b"0", b"00"):
        ahead = _after_hour(runs[1:], joints, seconds=True)
        return (1 + ahead, CLOCK, 0) if ahead else None
    if run in (b"00000000T000000", b"00000000T000000Z"):
        return 1, STAMP, 0
    if run == b"00000000" and joints[:1] in (b"_", b"-") and runs[1] == b"000000":
        return 2, STAMP, 0
    if len(run) in _EPOCHS and _digits(run):
        return 2 if joints[:1] == b"." and _digits(runs[1]) else 1, EPOCH, 0
    return None


def _after_hour(runs: Sequence[bytes], joints: bytes, *, seconds: bool) -> int:
    """Count the runs after the hour that are minutes, seconds and their fraction; 0 when it is no time of day."""
    count = 0
    while count < 2 and joints[count : count + 1] == b":" and runs[count] in (b"00", b"00Z"):
        count += 1
        if runs[count - 1] == b"00Z":
            break
    if not count or (seconds and count < 2):
        return 0
    if joints[count : count + 1] == b"." and runs[count - 1] == b"00" and _digits(runs[count].removesuffix(b"Z")):
        count += 1
    return count


def _quantity(runs: Sequence[bytes], joints: bytes) -> Match | None:
    """Match a duration ("12ms", "0m0.12s"), or the port of an IPv4 address when it has five digits."""
    whole = _squeezed(runs[0])
    if whole in _DURATIONS:
        return 1, PLAIN, 0
    if joints[:1] == b"." and whole in _BEFORE_POINT and _squeezed(runs[1]) in _DURATIONS:
        return 2, PLAIN, 0
    if joints[:4] == b"...:" and runs[4] == b"00000" and all(len(run) <= 3 and _digits(run) for run in runs[:4]):
        return 5, PLAIN, 4
    return None


def _hexadecimal(run: bytes) -> bool:
    return bool(run) and not run.strip(b"0a")


def _digits(run: bytes) -> bool:
    return bool(run) and not run.strip(b"0")


def _squeezed(run: bytes) -> bytes:
    while b"00" in run:
        run = run.replace(b"00", b"0")
    return run

"""The masked form: volatile tokens replaced by one `#`; and the shape: every number replaced by one `0` as well.

A volatile token is told by the bytes of its *chunk* alone. Each byte is put into a class, a chunk is a run of bytes
that may occur in such a token, and the class string of a chunk (digits are all alike) says which parts of it go.
Class strings are few, so what they say is kept in a bounded cache, and a text costs little more than one
`bytes.translate` and one `find` for each chunk with a digit in it. Everything is linear; nothing backtracks.

A part that goes is always made of whole runs of letters and digits, and no rule asks for the absence of something
beside it: that is why masking what was masked changes nothing.
"""

from functools import lru_cache

__all__ = ["mask", "shape"]

MARK = b"#"
Span = tuple[int, int, int]  # start, end, kind

_PLAIN, _EPOCH, _ADDRESS, _CLOCK, _STAMP = range(5)
_FIRST = {_EPOCH: b"1", _ADDRESS: b"0", _STAMP: b"12"}
_CACHED_BYTES = 64
_DIGITS = b"0123456789"
_ALNUM = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


def _classes() -> bytes:
    table = bytearray(b" " * 256)
    for byte in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz":
        table[byte] = ord("g")
    for byte in b"ABCDEFabcdef":
        table[byte] = ord("a")
    for byte in b"TZxnumsh-:._":
        table[byte] = byte
    for byte in _DIGITS:
        table[byte] = ord("0")
    return bytes(table)


_CLASSES = _classes()
_JOINTS = bytes.maketrans(b"-:._", b"    ")
_ZEROES = bytes.maketrans(_DIGITS, b"0" * 10)
_DURATIONS = frozenset(
    (b"0s", b"0ms", b"0us", b"0ns", b"0m0s", b"0s0ms", b"0h0m", b"0h0s", b"0h0m0s", b"0m0s0ms", b"0h0m0s0ms")
)
_OPEN_DURATIONS = frozenset((b"0", b"0m0", b"0h0m0", b"0h0"))  # before the point of "0m0.12s"
_UUID = (8, 4, 4, 4, 12)
_PATHS = (b"/tmp/tmp", b"\\Temp\\tmp", b"/var/folders/")  # looked for, never opened
_SPACED_UNITS = (b" ms", b" \xc2\xb5s", b"\xc2\xb5s", b" us", b" ns", b" s", b" sec", b" min", b" hour")
_UNIT_ENDS = frozenset((b"", b"s", b"ond", b"onds", b"ute", b"utes"))
_PID_GAP = frozenset(b" =:\"'(")
_SEGMENT = frozenset(_ALNUM | frozenset(b"_.-+"))


def mask(text: bytes) -> bytes:
    """Replace every volatile token of a canonical form by `#`; returns the same object when there is none."""
    classes = text.translate(_CLASSES)
    at = classes.find(b"0")
    if at < 0:
        spans = _temp_paths(text)
    elif classes.count(b"0") * 32 > len(classes):
        spans = _dense(text, classes)
    else:
        spans = _sparse(text, classes, at)
    if at >= 0:
        spans += _anchored(text)
    return _replaced(text, spans) if spans else text


def shape(masked: bytes) -> bytes:
    """Replace every number of a masked form (digits, and digits joined by single points) by one `0`."""
    zeroes = masked.translate(_ZEROES)
    if b"0" not in zeroes:
        return masked
    while b"00" in zeroes:
        zeroes = zeroes.replace(b"00", b"0")
    while b"0.0" in zeroes:
        zeroes = zeroes.replace(b"0.0", b"0")
    return zeroes


def _replaced(text: bytes, spans: list[tuple[int, int]]) -> bytes:
    spans.sort()
    parts: list[bytes] = []
    done = 0
    for start, end in spans:
        if start >= done:
            parts += (text[done:start], MARK)
        done = max(done, end)
    parts.append(text[done:])
    return b"".join(parts)


def _sparse(text: bytes, classes: bytes, at: int) -> list[tuple[int, int]]:
    """Visit only the chunks that hold a digit."""
    spans: list[tuple[int, int]] = []
    end = 0
    while at >= 0:
        start = classes.rfind(b" ", end, at) + 1 or end
        end = classes.find(b" ", at)
        if end < 0:
            end = len(classes)
        found = _parts(classes[start:end])
        if found:
            _emit(text, start, found, spans)
        at = classes.find(b"0", end)
    return spans


def _dense(text: bytes, classes: bytes) -> list[tuple[int, int]]:
    """Look at each distinct class string once: texts full of numbers hold few of them."""
    chunks = classes.split(b" ")
    volatile = {chunk: found for chunk in set(chunks) if b"0" in chunk and (found := _parts(chunk))}
    spans: list[tuple[int, int]] = []
    if volatile:
        start = 0
        for chunk in chunks:
            if chunk in volatile:
                _emit(text, start, volatile[chunk], spans)
            start += len(chunk) + 1
    return spans


def _emit(text: bytes, offset: int, found: tuple[Span, ...], spans: list[tuple[int, int]]) -> None:
    for first, last, kind in found:
        start, end = offset + first, offset + last
        if kind in _FIRST and text[start] not in _FIRST[kind]:
            continue
        if kind == _CLOCK:
            start, end = _with_date(text, start), _with_fraction(text, end)
        spans.append((start, end))


def _with_date(text: bytes, start: int) -> int:
    """Take in a date before a clock time ("2024-05-01 10:00:00"): alone, a date is content."""
    date = text[max(start - 11, 0) : start]
    if len(date) == 11 and date.translate(_ZEROES) in (b"0000-00-00 ", b"0000/00/00 ", b"0000-00-00_"):
        return start if start > 11 and text[start - 12] in _ALNUM else start - 11
    return start


def _with_fraction(text: bytes, end: int) -> int:
    """Take in milliseconds after a comma ("10:00:00,123")."""
    if text[end : end + 1] != b",":
        return end
    stop = _digits_end(text, end + 1)
    return end if stop == end + 1 or (stop < len(text) and text[stop] in _ALNUM) else stop


def _digits_end(text: bytes, at: int) -> int:
    while at < len(text) and text[at] in _DIGITS:
        at += 1
    return at


def _parts(chunk: bytes) -> tuple[Span, ...]:
    return _cached_parts(chunk) if len(chunk) <= _CACHED_BYTES else _find_parts(chunk)


def _find_parts(chunk: bytes) -> tuple[Span, ...]:
    """List the volatile parts of a chunk, given its class string: leftmost first, each rule in the order written."""
    runs = chunk.translate(_JOINTS).split(b" ")
    starts = []
    at = 0
    for run in runs:
        starts.append(at)
        at += len(run) + 1
    spans = []
    index = 0
    while index < len(runs):
        count, kind, skip = (
            _match(chunk, runs, starts, index) if b"0" in runs[index] or _hexadecimal(runs[index]) else (0, 0, 0)
        )
        if count:
            last = index + count - 1
            spans.append((starts[index + skip], starts[last] + len(runs[last]), kind))
        index += count or 1
    return tuple(spans)


_cached_parts = lru_cache(maxsize=8192)(_find_parts)


def _hexadecimal(run: bytes) -> bool:
    return bool(run) and not run.strip(b"0a")


def _match(chunk: bytes, runs: list[bytes], starts: list[int], index: int) -> tuple[int, int, int]:
    """Tell how many runs from `index` on are one volatile token (0: none), its kind, and how many of them stay."""
    run = runs[index]
    ahead = runs[index : index + 5]
    joints = bytes(chunk[start - 1] for start in starts[index + 1 : index + 5])
    if _hexadecimal(run):
        if (
            joints == b"----"
            and tuple(map(len, ahead)) == _UUID
            and all(map(_hexadecimal, ahead))
            and b"0" in b"".join(ahead)
        ):
            return 5, _PLAIN, 0
        if len(run) >= 8 and b"0" in run and b"a" in run:
            return 1, _PLAIN, 0
    if run.startswith(b"0x") and len(run) >= 8 and _hexadecimal(run[2:]):
        return 1, _ADDRESS, 0
    return _match_time(run, ahead, joints) or _match_number(run, ahead, joints)


def _match_time(run: bytes, ahead: list[bytes], joints: bytes) -> tuple[int, int, int] | None:
    if run == b"0000" and joints[:3] == b"--:" and ahead[1] == b"00" and ahead[2] == b"00T00":
        return 3 + _clock_runs(ahead[2:], joints[2:], 1, b""), _PLAIN, 0
    if run in (b"0", b"00") and joints[:2] == b"::":
        count = _clock_runs(ahead, joints, 2, b"")
        if count == 2 or count == 3:
            return 1 + count, _CLOCK, 0
    if run in (b"00000000T000000", b"00000000T000000Z"):
        return 1, _STAMP, 0
    if run == b"00000000" and joints[:1] in (b"_", b"-") and ahead[1] == b"000000":
        return 2, _STAMP, 0
    return None


def _clock_runs(ahead: list[bytes], joints: bytes, least: int, _unused: bytes) -> int:
    """Count the runs after the first that go on a clock time: minutes, seconds, fraction."""
    count = 0
    for joint, run in zip(joints[:2], ahead[1:3], strict=False):
        if joint != ord(":") or run not in (b"00", b"00Z"):
            break
        count += 1
        if run == b"00Z":
            return count if count >= least else 0
    if count < least:
        return 0
    if (
        joints[count : count + 1] == b"."
        and count + 1 < len(ahead)
        and not ahead[count + 1].removesuffix(b"Z").strip(b"0")
    ):
        count += 1 if ahead[count + 1] not in (b"", b"Z") else 0
    return count


def _match_number(run: bytes, ahead: list[bytes], joints: bytes) -> tuple[int, int, int]:
    digits = not run.strip(b"0")
    if digits and len(run) in (10, 13, 16, 19):
        fraction = joints[:1] == b"." and ahead[1] != b"" and not ahead[1].strip(b"0")
        return 2 if fraction else 1, _EPOCH, 0
    if _squeezed(run) in _DURATIONS:
        return 1, _PLAIN, 0
    if joints[:1] == b"." and _squeezed(run) in _OPEN_DURATIONS and _squeezed(ahead[1]) in _DURATIONS:
        return 2, _PLAIN, 0
    if (
        joints == b"...:"
        and ahead[4] == b"00000"
        and all(len(part) <= 3 and not part.strip(b"0") for part in ahead[:4])
    ):
        return 5, _PLAIN, 4
    return 0, _PLAIN, 0


def _squeezed(run: bytes) -> bytes:
    while b"00" in run:
        run = run.replace(b"00", b"0")
    return run


def _temp_paths(text: bytes) -> list[tuple[int, int]]:
    """Find names that a program drew at random: the segment after `/tmp/` that begins with `tmp`, two on macOS."""
    spans = []
    for path in _PATHS:
        at = text.find(path)
        while at >= 0:
            segments = 2 if path == b"/var/folders/" else 1
            start = end = at + len(path) - (0 if segments == 2 else 3)
            while segments:
                while end < len(text) and text[end] in _SEGMENT:
                    end += 1
                segments -= 1
                if segments and text[end : end + 1] == b"/":
                    end += 1
            if end > start:
                spans.append((start, end))
            at = text.find(path, end)
    return spans


def _anchored(text: bytes) -> list[tuple[int, int]]:
    """Find what a word beside it makes volatile: process ids, numbers before a unit of time, temporary paths."""
    spans = _temp_paths(text)
    for word in (b"pid", b"PID"):
        at = text.find(word)
        while at >= 0:
            start = at = at + 3
            while start < at + 3 and start < len(text) and text[start] in _PID_GAP:
                start += 1
            end = _digits_end(text, start)
            if start > at and start < end <= start + 10 and (end == len(text) or text[end] not in _ALNUM):
                spans.append((start, end))
            at = text.find(word, at)
    for unit in _SPACED_UNITS:
        at = text.find(unit)
        while at >= 0:
            if at and text[at - 1] in _DIGITS and _ends_unit(text, at + len(unit)):
                start = _number_start(text, at)
                if start < at:
                    spans.append((start, at))
            at = text.find(unit, at + 1)
    return spans


def _ends_unit(text: bytes, at: int) -> bool:
    end = at
    while end < len(text) and end < at + 5 and text[end] in _ALNUM:
        end += 1
    return text[at:end] in _UNIT_ENDS


def _number_start(text: bytes, end: int) -> int:
    """Find where the number that ends at `end` begins; `end` itself when letters are joined to it."""
    start = end
    while start and text[start - 1] in _DIGITS:
        start -= 1
    if start and text[start - 1] in _ALNUM:
        return end
    whole = start - 1
    if whole > 0 and text[whole] == ord(".") and text[whole - 1] in _DIGITS:
        while whole and text[whole - 1] in _DIGITS:
            whole -= 1
        return start if whole and text[whole - 1] in _ALNUM else whole
    return start

"""The masked form: every volatile token of a canonical form replaced by one `#`.

Volatile are timestamps, UUIDs, hexadecimal strings, addresses, durations (`volatile.py`), and what a word beside a
number makes so: process ids, numbers before a unit of time, and names that a program drew at random under a temporary
directory. All are found by linear scans over byte classes; a text without a digit costs one `translate`.
Plain numbers and dates stay: two different bookings must not look alike.
"""

from agentwatch.fingerprint.volatile import ADDRESS, CLASSES, CLOCK, EPOCH, STAMP, Part, volatile_parts

__all__ = ["mask"]

Spans = list[tuple[int, int]]

_MARK = b"#"
_FIRST = {EPOCH: b"1", ADDRESS: b"0", STAMP: b"12"}
_DENSE = 8  # one digit in so many bytes: from there on distinct class strings are cheaper than single chunks
_SHORTEST_EPOCH = 10
_DIGITS = b"0123456789"
_ZEROES = bytes.maketrans(_DIGITS, b"0" * 10)
_ALNUM = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_UNITS = frozenset(
    b"s ms us ns sec secs second seconds min mins minute minutes hour hours millisecond milliseconds".split()
)
_UNIT_CLASSES = frozenset(unit.translate(CLASSES) for unit in _UNITS)
_LONGEST_UNIT = 12
_ALNUM_ONLY = bytes(byte if byte in _ALNUM else 32 for byte in range(256))
_FIRST_OF_UNITS = frozenset(b"smunh")
_UNIT_FIRSTS = frozenset((b"s", b"m", b"u", b"n", b"h"))
_MICROSECONDS = b"\xc2\xb5s"
_PID_GAP = b" =:\"'("
_TEMPORARY = (  # what comes before the name, how many of its bytes the name begins with, and segments of the name
    (b"/tmp/tmp", 3, 1),
    (b"\\Temp\\tmp", 3, 1),
    (b"/var/folders/", 0, 2),
)
_SEGMENT = _ALNUM | frozenset(b"_.-+")


def mask(text: bytes) -> bytes:
    """Replace the volatile tokens of a canonical form; returns the same object when there is none."""
    classes = text.translate(CLASSES)
    at = classes.find(b"0")
    if at < 0:
        spans: Spans = []
    elif classes.count(b"0") * _DENSE > len(classes):
        spans = _dense(text, classes)
    else:
        spans = _sparse(text, classes, at)
    if at >= 0:
        if b"pid" in text or (80 in text and b"PID" in text):
            spans += _process_ids(text)
        if not text.isascii():
            spans += _microseconds(text)
    if (47 in text and (b"/tmp/tmp" in text or b"/var/folders/" in text)) or (92 in text and b"\\Temp\\tmp" in text):
        spans += _temporary_names(text)
    return _replaced(text, spans) if spans else text


def _replaced(text: bytes, spans: Spans) -> bytes:
    spans.sort()
    kept: list[bytes] = []
    done = 0
    for start, end in spans:
        if start >= done:
            kept += (text[done:start], _MARK)
        done = max(done, end)
    kept.append(text[done:])
    return b"".join(kept)


def _sparse(text: bytes, classes: bytes, at: int) -> Spans:
    """Visit only the chunks that hold a digit."""
    spans: Spans = []
    end = 0
    while at >= 0:
        start = classes.rfind(b" ", end, at) + 1 or end
        end = classes.find(b" ", at)
        if end < 0:
            end = len(classes)
        chunk = classes[start:end]
        if len(chunk) >= _SHORTEST_EPOCH or not chunk.isdigit():  # fewer digits alone are a plain number
            found = volatile_parts(chunk)
            if found:
                _emit(text, start, found, spans)
        if end + 1 < len(classes) and classes[end + 1] in _FIRST_OF_UNITS:
            _before_unit(text, end, spans)
        at = classes.find(b"0", end)
    return spans


def _dense(text: bytes, classes: bytes) -> Spans:
    """Look at each distinct class string once: texts full of numbers hold few of them."""
    chunks = classes.split(b" ")
    distinct = set(chunks)
    mixed = [chunk for chunk in distinct if not chunk.isalpha()]
    volatile = {chunk: found for chunk in mixed if (found := volatile_parts(chunk))}
    units = distinct & _UNIT_CLASSES
    units.update(chunk for chunk in mixed if chunk[:1] in _UNIT_FIRSTS)
    spans: Spans = []
    if volatile or units:
        start = 0
        for chunk in chunks:
            if chunk in volatile:
                _emit(text, start, volatile[chunk], spans)
            if chunk in units and start:
                _before_unit(text, start - 1, spans)
            start += len(chunk) + 1
    return spans


def _emit(text: bytes, offset: int, found: tuple[Part, ...], spans: Spans) -> None:
    for first, last, kind in found:
        start, end = offset + first, offset + last
        if kind in _FIRST and text[start] not in _FIRST[kind]:
            continue
        if kind == CLOCK:
            start, end = _with_date(text, start), _with_fraction(text, end)
        spans.append((start, end))


def _with_date(text: bytes, start: int) -> int:
    """Take in a date before a clock time ("2024-05-01 10:00:00"): alone, a date is content."""
    date = text[max(start - 11, 0) : start]
    if len(date) == 11 and date.translate(_ZEROES) in (b"0000-00-00 ", b"0000/00/00 ", b"0000-00-00_"):
        return start if start > 11 and text[start - 12] in _ALNUM else start - 11
    return start


def _with_fraction(text: bytes, end: int) -> int:
    """Take in what follows a comma ("10:00:00,123")."""
    if text[end : end + 1] != b",":
        return end
    stop = _digits_end(text, end + 1)
    return end if stop == end + 1 or (stop < len(text) and text[stop] in _ALNUM) else stop


def _digits_end(text: bytes, at: int) -> int:
    while at < len(text) and text[at] in _DIGITS:
        at += 1
    return at


def _before_unit(text: bytes, space: int, spans: Spans) -> None:
    """Take the number before `space` when the word after it is a unit of time ("1.5 seconds")."""
    if text[space] == 32 and space and text[space - 1] in _DIGITS:
        word = text[space + 1 : space + 2 + _LONGEST_UNIT].translate(_ALNUM_ONLY).split(b" ", 1)[0]
        if word in _UNITS:
            _number_up_to(text, space, spans)


def _microseconds(text: bytes) -> Spans:
    spans: Spans = []
    at = text.find(_MICROSECONDS)
    while at >= 0:
        stop = at + len(_MICROSECONDS)
        if stop == len(text) or text[stop] not in _ALNUM:
            _number_up_to(text, at - 1 if at and text[at - 1] == 32 else at, spans)
        at = text.find(_MICROSECONDS, stop)
    return spans


def _number_up_to(text: bytes, end: int, spans: Spans) -> None:
    """Take the number that ends at `end`, with its decimals, unless letters are joined to it."""
    start = _digits_start(text, end)
    if start == end or (start and text[start - 1] in _ALNUM):
        return
    if start > 1 and text[start - 1] == ord("."):
        whole = _digits_start(text, start - 1)
        if whole < start - 1 and not (whole and text[whole - 1] in _ALNUM):
            start = whole
    spans.append((start, end))


def _digits_start(text: bytes, end: int) -> int:
    while end and text[end - 1] in _DIGITS:
        end -= 1
    return end


def _process_ids(text: bytes) -> Spans:
    spans: Spans = []
    for word in (b"pid", b"PID"):
        at = text.find(word)
        while at >= 0:
            at += 3
            start = at
            while start < at + 3 and start < len(text) and text[start] in _PID_GAP:
                start += 1
            end = _digits_end(text, start)
            if at < start < end and (end == len(text) or text[end] not in _ALNUM):
                spans.append((start, end))
            at = text.find(word, at)
    return spans


def _temporary_names(text: bytes) -> Spans:
    spans: Spans = []
    for directory, back, segments in _TEMPORARY:
        at = text.find(directory)
        while at >= 0:
            start = end = at + len(directory) - back
            for segment in range(segments):
                if segment and text[end : end + 1] == b"/":
                    end += 1
                while end < len(text) and text[end] in _SEGMENT:
                    end += 1
            if end > start:
                spans.append((start, end))
            at = text.find(directory, max(end, at + 1))
    return spans

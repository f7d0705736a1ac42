"""Words of a masked form: runs of ASCII letters (in lower case), digits, `_` and non-ASCII bytes.

A byte of 0xE0 or above (a character from U+0800 on) begins a new word, so that scripts written without spaces
have about one word a character.
"""

__all__ = ["WORD_BYTES", "sketched_part", "word_count", "words"]


def _word_bytes() -> bytes:
    table = bytearray(b" " * 256)
    for byte in b"abcdefghijklmnopqrstuvwxyz0123456789_":
        table[byte] = byte
    for byte in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        table[byte] = byte + 32
    for byte in range(0x80, 0x100):
        table[byte] = byte
    return bytes(table)


WORD_BYTES = _word_bytes()
_LEADS = tuple(bytes((byte,)) for byte in range(0xE0, 0xF5))  # UTF-8 has no byte above 0xF4
_COUNTED = bytes(" wx"[(byte != 32) + (byte >= 0xE0)].encode()[0] for byte in WORD_BYTES)


def sketched_part(text: bytes, cap_bytes: int) -> bytes:
    """Return the text, or its head and its tail of half the cap each when it is longer than the cap."""
    if len(text) <= cap_bytes:
        return text
    half = cap_bytes // 2
    return text[:half] + b" " + text[-half:]


def words(text: bytes, cap_bytes: int) -> list[bytes]:
    """List the words of a masked form in order; of a long one those of its head and tail."""
    low = sketched_part(text, cap_bytes).translate(WORD_BYTES)
    if not low.isascii():
        for lead in _LEADS:
            if lead in low:
                low = low.replace(lead, b" " + lead)
    return low.split()


def word_count(text: bytes) -> int:
    """Count the words of a whole masked form."""
    marks = text.translate(_COUNTED)
    return marks.startswith(b"w") + marks.count(b" w") + (0 if text.isascii() else marks.count(b"x"))

"""The numbers that a result holds, in order: what moves when a job makes progress ("41 % ... 57 % ... 80 %")."""

import re

__all__ = ["MOST", "numbers"]

MOST = 8
_LONGEST = 15  # digits: more are an identifier, and would not survive as a float
_NUMBER = re.compile(rb"(?<![0-9A-Za-z_.])-?[0-9]++(?:\.[0-9]++)?")  # possessive: one linear scan


def numbers(masked: bytes) -> tuple[float, ...]:
    """Return the first eight numbers of a masked form; digits inside a name ("utf8") or a volatile token are none."""
    found: list[float] = []
    for match in _NUMBER.finditer(masked):
        literal = match.group()
        if len(literal) <= _LONGEST:
            found.append(float(literal))
            if len(found) == MOST:
                break
    return tuple(found)

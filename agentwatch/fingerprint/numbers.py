"""The numbers that a result holds, in order: what moves when a job makes progress ("41 % ... 57 % ... 80 %")."""

__all__ = ["MOST", "numbers"]

MOST = 8
_LONGEST = 15  # bytes: longer digit strings are identifiers, and would not survive as a float
_ZEROES = bytes.maketrans(b"0123456789", b"0" * 10)
_JOINED = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.")


def numbers(masked: bytes) -> tuple[float, ...]:
    """Return the first eight numbers of a masked form; digits inside a name ("utf8") or a volatile token are none.

    A number is digits, with decimals after one point and a minus before it when nothing is joined to that.
    """
    found: list[float] = []
    zeroes = masked.translate(_ZEROES)
    at = zeroes.find(b"0")
    while at >= 0 and len(found) < MOST:
        end = _digits_end(zeroes, at)
        if at and masked[at - 1] in _JOINED:
            at = zeroes.find(b"0", end)
            continue
        if zeroes[end : end + 2] == b".0":
            end = _digits_end(zeroes, end + 1)
        start = at - 1 if _negative(masked, at) else at
        if end - start <= _LONGEST:
            found.append(float(masked[start:end]))
        at = zeroes.find(b"0", end)
    return tuple(found)


def _digits_end(zeroes: bytes, at: int) -> int:
    near = zeroes[at : at + 32]
    end = at + len(near) - len(near.lstrip(b"0"))
    return end if end < at + 32 else len(zeroes) - len(zeroes[at:].lstrip(b"0"))


def _negative(masked: bytes, at: int) -> bool:
    return at > 0 and masked[at - 1] == ord("-") and (at == 1 or masked[at - 2] not in _JOINED)

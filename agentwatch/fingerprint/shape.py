"""The shape: a masked form with every number replaced by one `0`."""

__all__ = ["shape"]

_ZEROES = bytes.maketrans(b"0123456789", b"0" * 10)


def shape(masked: bytes) -> bytes:
    """Replace digits, and digits joined by single points, by one `0`; returns the same object without digits."""
    pieces = masked.translate(_ZEROES).split(b"0")
    if len(pieces) == 1:
        return masked
    between = [piece for piece in pieces[1:-1] if piece and piece != b"."]
    return b"0".join((pieces[0], *between, pieces[-1]))

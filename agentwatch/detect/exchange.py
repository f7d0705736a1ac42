"""Who answered whom lately in a tree of runs, as digests: the evidence of ping-pong."""

from msgspec import Struct

__all__ = ["Exchange"]


class Exchange(Struct, array_like=True):
    """The recent messages of a tree of runs between its agents."""

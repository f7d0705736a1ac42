"""How many entries of a stream were delivered, and so how many were lost to a limit on its length before that.

The server counts every entry ever added. Once nothing at or before our position is left in the stream, all that was
removed from it was either delivered to us or lost.
"""

from typing import Any

__all__ = ["Account", "order"]


def order(position: str) -> tuple[int, int]:
    """Give a stream position as numbers, in the order in which entries were added."""
    first, _, second = position.partition("-")
    return int(first or 0), int(second or 0)


class Account:
    """`seen`: entries delivered or known to be lost since the stream was created; None until that is known."""

    def __init__(self, seen: int | None) -> None:
        self.seen = seen

    def deliver(self, entries: int) -> None:
        """Count entries that were handed out, where it is known how many were ever added."""
        if self.seen is not None:
            self.seen += entries

    def lost(self, stream: list[Any], delivered: str) -> int:
        """Tell how many entries after `delivered` are gone, given the answer of XINFO STREAM; they count as seen."""
        told = dict(zip(stream[::2], stream[1::2], strict=True))
        first = told[b"first-entry"]
        if first is not None and order(first[0].decode()) <= order(delivered):
            return 0
        removed = int(told[b"entries-added"]) - int(told[b"length"])
        missing = removed - self.seen if self.seen is not None else 0
        self.seen = removed
        return max(0, missing)

"""Which wishes were read of late, so that none is carried out a second time.

A crash may pass one on twice to another partition, and somebody may put one back whose signature is right.
"""

from collections.abc import Callable

import msgspec

from agentwatch.errors import Incompatible
from agentwatch.records import Control

__all__ = ["Wished"]

_KEPT_S = 900.0  # a signed wish is believed within 300 s of its own time: of what is older by so much, no copy is
_MOST = 10_000


class Wished:
    """Ids of wishes by their own time, in the order in which they came. At most `_MOST`, and none that is long past."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, str]] = {}  # id → when it was made, its subject

    def __len__(self) -> int:
        return len(self._seen)

    def first(self, control: Control) -> bool:
        """Take in a wish; False where it came before."""
        if control.id in self._seen:
            return False
        self._seen[control.id] = (control.at, control.subject)
        while len(self._seen) > _MOST or self._seen[next(iter(self._seen))][0] < control.at - _KEPT_S:
            del self._seen[next(iter(self._seen))]
        return True

    def absorb(self, other: "Wished", mine: Callable[[str], bool], *, everyones: bool) -> None:
        """Take over those of another partition that are about something of one's own.

        everyones: those, too, that are about no app. Each comes to every partition by itself, so one that waits here is
        not known because it was read there; but to a partition that there was not then none will come.
        """
        theirs = {
            key: row
            for key, row in other._seen.items()  # noqa: SLF001  # its own kind
            if (mine(row[1]) if "/" in row[1] else everyones)
        }
        both = self._seen | theirs
        self._seen = dict(sorted(both.items(), key=lambda row: row[1][0])[-_MOST:])

    def snapshot(self) -> bytes:
        """Encode everything that must survive a restart."""
        return msgspec.msgpack.encode(self._seen)

    def restore(self, data: bytes) -> None:
        """Take over an encoded state. Raises `Incompatible` for what cannot be read."""
        try:
            self._seen = msgspec.msgpack.decode(data, type=dict[str, tuple[float, str]])
        except msgspec.MsgspecError as error:
            raise Incompatible(f"the wishes that were read cannot be read back: {error}") from error

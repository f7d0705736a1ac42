"""Who works on what: the live workers, and the owner of each partition, as one worker saw them at one moment."""

from math import ceil
from typing import Protocol

from msgspec import Struct

__all__ = ["Member", "Members", "Owner", "Spread"]


class Member(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A live worker. name: machine and process. url: where its API answers others. at: its last sign of life."""

    name: str
    url: str = ""
    version: str = ""
    at: float = 0.0


class Owner(Struct, frozen=True, kw_only=True):
    """Who holds a partition's lease, for how much longer unless it is renewed, and under which fencing token."""

    token: int
    who: str
    left_s: float


class Spread(Struct, frozen=True, kw_only=True):
    """owners: one entry for each partition, None where nobody holds it. now: the store's time, unix seconds.

    held_back: the number of partitions is being changed, and every worker lets go of all until that is done.
    """

    now: float
    members: tuple[Member, ...]
    owners: tuple[Owner | None, ...]
    held_back: bool = False

    @property
    def share(self) -> int:
        """Tell how many partitions one worker takes at most, so that all are served and nobody has two too many."""
        return ceil(len(self.owners) / max(1, len(self.members)))

    def url_of(self, index: int) -> str:
        """Tell where the control API of a partition's owner answers; empty where nobody is known to."""
        owner = self.owners[index] if index < len(self.owners) else None
        found = (member.url for member in self.members if owner is not None and member.name == owner.who)
        return next(found, "")


class Members(Protocol):
    """The register of workers."""

    async def look(self, me: Member | None = None) -> Spread:
        """Give a sign of life (None: only look) and see who lives and who owns what. Raises `StoreUnavailable`."""

    async def leave(self, name: str) -> None:
        """Be gone at once instead of by silence. Raises `StoreUnavailable`."""

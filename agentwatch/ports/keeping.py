"""Where commits, checkpoints and the log of decisions live."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from msgspec import Struct

from agentwatch.records import Checkpoint, Command, Commit, Decision, Incident, Positions

__all__ = ["DecisionLog", "Opened", "Store"]


class Opened(Struct, frozen=True, kw_only=True):
    """What a worker gets with a partition: its fencing token, how far commits went, and the last checkpoint."""

    token: int
    committed: Positions
    checkpoint: Checkpoint | None = None


class Store(Protocol):
    """Where commits and checkpoints live. Writes raise `Fenced` once another worker owns the partition."""

    async def open(self) -> Opened:
        """Take the partition: wait until the lease is free, then draw a higher token."""

    async def commit(self, commit: Commit) -> None:
        """Write the whole batch or nothing; decision `seq` lies in the log at `{seq}-0`.

        Writing the same commit again does nothing more, so a commit whose answer was lost can be repeated.
        """

    async def checkpoint(self, checkpoint: Checkpoint, chunks: AsyncIterator[bytes] | None = None) -> None:
        """Publish a new generation, then trim the events stream up to its position.

        chunks: where they come one by one, in place of the checkpoint's own. Commits may be written meanwhile.
        """

    async def renew(self) -> str:
        """Extend the lease from now on, do what commits left to be done soon, and say what keeps that from being done.

        Raises `Fenced` when another worker has taken the partition.
        """

    async def close(self) -> None:
        """Give the lease back."""


class DecisionLog(Protocol):
    """The committed log, read by whatever acts on it, and one cursor a reader."""

    async def decisions(self, after: str, limit: int) -> Sequence[tuple[str, Decision]]:
        """List decisions after a log position, oldest first."""

    async def incidents(self, after: str, limit: int) -> Sequence[tuple[str, Incident]]:
        """List incident states after a log position, oldest first."""

    async def cursor(self, sink: str) -> str | None:
        """Tell how far a sink has come; None for a sink never seen."""

    async def move(self, sink: str, position: str) -> None:
        """Record that a sink has confirmed everything up to this position."""

    async def standing(self) -> Sequence[Command]:
        """List the commands whose control keys stand now."""

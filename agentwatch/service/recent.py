"""The decisions of late, as they were committed: whoever brings them to agents need not ask the store for them.

Only this process writes to the log while its worker owns the partition, so from where it took it over what was
committed here is all that there is. Else, and for what is older, the log itself is read.
"""

from collections import deque
from collections.abc import Sequence

from agentwatch.ports import DecisionLog
from agentwatch.records import Command, Decision, Incident

__all__ = ["Recent", "RecentLog"]

_MOST = 4096


class Recent:
    """The decisions that were committed since `begin`, of which the newest `_MOST` are kept."""

    def __init__(self) -> None:
        self._decided: deque[tuple[str, Decision]] = deque()
        self._from: int | None = None  # every decision with a higher number is here; None: nothing is known

    def begin(self, seq: int) -> None:
        """Know from now on all that is decided after this number."""
        self._decided.clear()
        self._from = seq

    def end(self) -> None:
        """Know nothing: another worker may write."""
        self._decided.clear()
        self._from = None

    def add(self, decided: Sequence[tuple[str, Decision]]) -> None:
        """Take what a commit decided."""
        if self._from is None:
            return
        self._decided.extend(decided)
        while len(self._decided) > _MOST:
            self._from = self._decided.popleft()[1].seq

    def after(self, position: str, limit: int) -> list[tuple[str, Decision]] | None:
        """List what was decided after a log position, oldest first; None where the log is to be asked."""
        number = position.partition("-")[0]
        if self._from is None or not number.isdecimal() or int(number) < self._from:
            return None
        return [row for row in self._decided if row[1].seq > int(number)][:limit]


class RecentLog:
    """A decision log that answers from memory where it can."""

    def __init__(self, log: DecisionLog, recent: Recent) -> None:
        self._log = log
        self._recent = recent

    async def decisions(self, after: str, limit: int) -> Sequence[tuple[str, Decision]]:
        """List decisions after a log position, oldest first."""
        known = self._recent.after(after, limit)
        return await self._log.decisions(after, limit) if known is None else known

    async def incidents(self, after: str, limit: int) -> Sequence[tuple[str, Incident]]:
        """List incident states after a log position, oldest first."""
        return await self._log.incidents(after, limit)

    async def cursor(self, sink: str) -> str | None:
        """Tell how far a sink has come."""
        return await self._log.cursor(sink)

    async def move(self, sink: str, position: str) -> None:
        """Record how far a sink has come."""
        await self._log.move(sink, position)

    async def standing(self) -> Sequence[Command]:
        """List the commands whose control keys stand now."""
        return await self._log.standing()

"""What a broker retains for us: one command a subject, its end, and the newest epoch ever sent. Pure and bounded."""

import heapq
from collections.abc import Iterable, Sequence

from agentwatch.records import Command

__all__ = ["Retained"]


class Retained:
    """Commands by subject, and the order in which their leases end.

    Newest epochs are kept for `max_subjects` subjects; beyond that the one heard of longest ago is forgotten, counted.
    """

    def __init__(self, max_subjects: int = 100_000) -> None:
        self._max = max_subjects
        self._standing: dict[str, Command] = {}
        self._newest: dict[str, int] = {}
        self._ends: list[tuple[float, str, int]] = []
        self._due: dict[str, int] = {}
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._standing)

    def newer(self, subject: str, epoch: int) -> bool:
        """Tell whether nothing newer was sent for the subject."""
        return epoch >= self._newest.get(subject, -1)

    def put(self, command: Command) -> None:
        """Note a command that is retained now."""
        self._note(command.subject, command.epoch)
        self._due.pop(command.subject, None)
        self._standing[command.subject] = command
        heapq.heappush(self._ends, (command.expires_at, command.subject, command.epoch))

    def remove(self, subject: str, epoch: int) -> None:
        """Note that what was retained for a subject is to go; it is due until `cleared`."""
        self._note(subject, epoch)
        self._standing.pop(subject, None)
        self._due[subject] = epoch

    def cleared(self, subject: str, epoch: int | None = None) -> None:
        """Note the broker's confirmation that it retains nothing for the subject, as of `epoch` where it is told."""
        if epoch is None or self._due.get(subject) == epoch:
            self._due.pop(subject, None)

    def expire(self, now: float) -> None:
        """Turn the commands whose lease has ended into ones that are to go."""
        while self._ends and self._ends[0][0] <= now:
            _, subject, epoch = heapq.heappop(self._ends)
            standing = self._standing.get(subject)
            if standing is not None and standing.epoch == epoch:
                self.remove(subject, epoch)

    def due(self) -> tuple[str, ...]:
        """List the subjects for which the broker is to retain nothing, and was not told so yet."""
        return tuple(self._due)

    def standing(self) -> tuple[Command, ...]:
        """List what is to be retained, older epochs first."""
        return tuple(sorted(self._standing.values(), key=lambda command: command.epoch))

    def next_end(self) -> float | None:
        """Tell when the next lease ends, in unix seconds."""
        return self._ends[0][0] if self._ends else None

    def replace(self, standing: Sequence[Command]) -> None:
        """Make `standing` all that is to be retained; what else was is to go.

        It holds against a newer epoch, too, sent before the store lost its last moment: what the store says decides.
        """
        wanted = {command.subject for command in standing}
        for subject in [s for s in self._standing if s not in wanted]:
            self.remove(subject, self._newest.get(subject, 0))
        for command in standing:
            self.put(command)

    def adopt(self, found: Iterable[Command], now: float, complete: bool) -> None:
        """Take in what a broker was found to retain: what has ended, or is `complete`-ly unknown, is to go.

        complete: all that stands is known already, and decides.
        """
        for command in found:
            known = self._standing.get(command.subject)
            if known is not None and (complete or known.epoch >= command.epoch):
                continue
            if complete or command.expires_at <= now or not self.newer(command.subject, command.epoch):
                self.remove(command.subject, self._newest.get(command.subject, command.epoch))
            else:
                self.put(command)

    def _note(self, subject: str, epoch: int) -> None:
        newest = max(epoch, self._newest.pop(subject, epoch))
        self._newest[subject] = newest
        if len(self._newest) > self._max:
            forgotten = next(iter(self._newest))
            del self._newest[forgotten]
            self.dropped += 1

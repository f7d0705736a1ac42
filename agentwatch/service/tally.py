"""Figures of one worker that its state does not hold: recent decisions, speed, dead letters, the day's spend."""

from collections import deque

from agentwatch.records import Commit, Decision

__all__ = ["Tally"]

_RECENT = 5000
_SPEED_S = 30.0
_DAYS = 8


class Tally:
    """Takes in each commit."""

    def __init__(self) -> None:
        self.recent: deque[Decision] = deque(maxlen=_RECENT)
        self.dead = 0
        self.events = 0
        self._speed: deque[tuple[float, int]] = deque(maxlen=10_000)
        self._days: dict[str, int] = {}

    def fold(self, commit: Commit, now: float) -> None:
        """Count a commit; `now` is the worker's own clock, in seconds."""
        self.recent.extend(commit.decisions)
        self.dead += len(commit.dead)
        self.events += len(commit.entries)
        if commit.entries:
            self._speed.append((now, len(commit.entries)))
        for line in commit.ledger:
            self._days[line.day] = self._days.get(line.day, 0) + line.cost_nusd
        while len(self._days) > _DAYS:
            del self._days[min(self._days)]

    def per_second(self, now: float) -> float:
        """Tell the events a second over the last half minute."""
        while self._speed and now - self._speed[0][0] > _SPEED_S:
            self._speed.popleft()
        if not self._speed:
            return 0.0
        return sum(count for _, count in self._speed) / max(1.0, now - self._speed[0][0])

    def cost_of(self, day: str) -> int:
        """Tell the nano-dollars that were counted for a day (YYYY-MM-DD) since the start."""
        return self._days.get(day, 0)

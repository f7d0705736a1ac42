"""Figures of one worker that its state does not hold: recent decisions, speed, dead letters."""

from collections import deque
from collections.abc import Iterable

from agentwatch.records import Commit, Decision

__all__ = ["RECENT", "Tally"]

RECENT = 2000  # decisions kept at hand, to explain from
_SPEED_S = 30.0


class Tally:
    """Takes in each commit."""

    def __init__(self) -> None:
        self.recent: deque[Decision] = deque(maxlen=RECENT)
        self.dead = 0
        self.events = 0
        self._speed: deque[tuple[float, int]] = deque(maxlen=10_000)

    def fold(self, commit: Commit, now: float) -> None:
        """Count a commit; `now` is the worker's own clock, in seconds."""
        self.recent.extend(commit.decisions)
        self.dead += len(commit.dead)
        self.events += len(commit.entries)
        if commit.entries:
            self._speed.append((now, len(commit.entries)))

    def remember(self, decisions: Iterable[Decision]) -> None:
        """Begin anew with what the log holds of late."""
        self.recent.clear()
        self.recent.extend(decisions)

    def per_second(self, now: float) -> float:
        """Tell the events a second over the last half minute."""
        while self._speed and now - self._speed[0][0] > _SPEED_S:
            self._speed.popleft()
        if not self._speed:
            return 0.0
        return sum(count for _, count in self._speed) / max(1.0, now - self._speed[0][0])

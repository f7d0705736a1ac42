"""Where a scenario is played: its clock, its writer, the kind of work, the runs, and where the loop begins."""

from collections.abc import Iterator
from typing import Any, Literal

from msgspec.structs import replace

from agentwatch.records import Event
from agentwatch.testing.scenarios.places import PLACES, Workplace
from agentwatch.testing.scenarios.player import Player
from agentwatch.testing.scenarios.style import Style
from agentwatch.testing.scenarios.writer import Writer

__all__ = ["Pace", "Stage"]

Pace = Literal["fast", "slow"]
_START = 1_760_000_000.0


class Stage:
    """Collects the events of a scenario as its players act; `now` is the time of what happens next.

    At the `fast` pace a model answers in about 2.5 s and a tool in half a second, at the `slow` one in 20 s and 4 s.
    """

    def __init__(self, write: Writer, style: Style, pace: Pace) -> None:
        self.write, self.style, self.pace = write, style, pace
        self.now = _START + write.number(0, 20_000_000)
        self.place: Workplace = write.one(PLACES)
        self.app = f"{write.one(self.place.apps)}-{write.number(1, 40)}"
        self.tenant = write.one(("default", "acme", "globex"))
        self.events: list[Event] = []
        self.suspects: set[str] = set()
        self.onset_id = ""
        self.noise = write.rng.uniform(0.03, 0.1) if write.chance(0.4) else 0.0
        self._marked = False
        # How the events are delivered: (share sent twice, share swapped with a neighbour, clock error in seconds).
        self.twice = self.swapped = self.skew_s = 0.0

    def settle(self, name: str) -> None:
        """Choose the kind of work by name instead of by chance."""
        self.place = next(place for place in PLACES if place.name == name)
        self.app = f"{self.write.one(self.place.apps)}-{self.write.number(1, 40)}"

    def require(self, **logged: bool) -> None:
        """Let the log hold what the shape cannot be told without, such as `usage` or `chats`."""
        self.style = replace(self.style, **logged)

    def player(self, agent: str = "", *, suspect: bool = True, **fields: Any) -> Player:
        """Bring a new run on; `fields` are those of `Player` (parent, task, trigger, interval_s, run)."""
        player = Player(self, agent or self.write.one(self.place.agents), **fields)
        if suspect:
            self.suspects.add(player.run)
        return player

    def mark(self) -> None:
        """Let the next event be the first that repeats with nothing new; only the first mark counts."""
        self._marked = self._marked or not self.onset_id

    def add(self, event: Event) -> None:
        """Take the next event."""
        if self._marked and not self.onset_id:
            self.onset_id = event.id
        self.events.append(event)

    def wait(self, seconds: float, jitter: float = 0.15) -> None:
        """Let time pass, give or take a share of it."""
        self.now += seconds * (1.0 + jitter * (2.0 * self.write.rng.random() - 1.0))

    def model_latency(self) -> float:
        """Draw how long a model takes to answer, in seconds."""
        return self._latency(2.5, 20.0)

    def tool_latency(self) -> float:
        """Draw how long a tool takes, in seconds."""
        return self._latency(0.5, 4.0)

    def paced(self, fast: float, slow: float) -> float:
        """Give a figure by pace."""
        return fast if self.pace == "fast" else slow

    def rounds_of(self, player: Player, low: int, high: int) -> Iterator[int]:
        """Count rounds; in some scenarios the player does something useful between a few of them."""
        for at in self.rounds(low, high):
            if self.write.chance(self.noise):
                player.work(1)
            yield at

    def prelude(self) -> int:
        """Draw how many turns go well before a loop begins: a few, in one run of eight many."""
        return self.write.number(15, 40) if self.write.chance(0.12) else self.write.number(2, 8)

    def rounds(self, low: int, high: int) -> range:
        """Draw how often something is repeated."""
        return range(self.write.number(low, high))

    def _latency(self, fast: float, slow: float) -> float:
        usual = self.paced(fast, slow)
        return min(6.0 * usual, usual * self.write.rng.lognormvariate(0.0, 0.45))

"""What the detectors see, what they say of it, and the level that it comes to."""

from enum import Enum

from msgspec import Struct

from agentwatch.records.event import Event
from agentwatch.records.prints import Prints

__all__ = ["Evidence", "Level", "Observation", "Signal", "Verdict"]


class Level(Enum):
    """What the ladder reached: the higher, the harder. On the wire it is its name; it compares by its height."""

    observe = "observe"
    warn = "warn"
    throttle = "throttle"
    pause = "pause"
    kill = "kill"

    def __init__(self, _name: str) -> None:
        self.height = len(type(self).__members__)

    def __lt__(self, other: "Level") -> bool:
        return self.height < other.height

    def __le__(self, other: "Level") -> bool:
        return self.height <= other.height

    def __gt__(self, other: "Level") -> bool:
        return self.height > other.height

    def __ge__(self, other: "Level") -> bool:
        return self.height >= other.height

    def below(self) -> "Level":
        """Give the next softer level; `observe` is the softest."""
        return tuple(type(self))[max(0, self.height - 1)]


class Observation(Struct, frozen=True, gc=False):
    """An event as the detectors see it.

    index: 0-based position in the partition's (or the replay's) input. now: the app's clock in seconds, never going
    back. cost_nusd: priced cost, None when unpriced. own_effect: it is a consequence of our own throttle or pause
    and is no evidence of anything.
    """

    index: int
    position: str
    now: float
    event: Event
    prints: Prints
    cost_nusd: int | None = None
    own_effect: bool = False


class Evidence(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a verdict rests on: which events, how many repeats, since when, and what it burned."""

    count: int = 0
    period: int = 0
    onset_index: int = -1
    onset_id: str = ""
    since: float = 0.0
    last: float = 0.0
    event_ids: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    tool: str = ""
    model: str = ""
    tokens: int = 0
    cost_nusd: int = 0
    unpriced: int = 0


class Signal(Struct, frozen=True, kw_only=True):
    """What one detector says of one event.

    strength is in units of the detector's warning threshold: 1.0 warns, `kill_at` kills. ceiling is the level that
    this evidence may justify at most (soft evidence pauses at most). confidence is in 0..1.
    """

    kind: str
    subject: str
    strength: float
    kill_at: float
    ceiling: Level = Level.kill
    confidence: float = 0.5
    reason: str
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()
    evidence: Evidence = Evidence()


class Verdict(Struct, frozen=True, kw_only=True):
    """All signals on a subject folded into one level, with the leading signal and what speaks for and against."""

    subject: str
    level: Level
    confidence: float
    lead: Signal
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()

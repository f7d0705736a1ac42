"""What a tree of runs has brought forth: how many, how deep, for which prompts, what came back. Evidence of spawn."""

from functools import lru_cache

from msgspec import Struct, field

from agentwatch.detect.history import remember, rfind
from agentwatch.records import Fingerprint

__all__ = ["Brood", "Line", "stem"]

PROMPTS = 32  # prompts and outcomes that are remembered of a tree
BURST = 10  # spawns whose times are kept
_TIME = 4
_HEX = frozenset("0123456789abcdef")


class Line(Struct, array_like=True, gc=False):
    """Prompts as one side tells of them: of how many, how many were had before, and how many but for their digits.

    moment and step: of the latest, since copies that are started at once are one wish. last: its digest.
    """

    count: int = 0
    equal: float = 0.0
    alike: float = 0.0
    exact: bytearray = field(default_factory=bytearray)
    shapes: bytearray = field(default_factory=bytearray)
    moment: float = 0.0
    step: int = -1
    last: int = 0

    def weigh(self, prompt: Fingerprint, now: float, step: int) -> tuple[float, float]:
        """Tell how much a prompt repeats an earlier one: exactly, and but for its digits."""
        if rfind(self.exact, prompt.masked or 1) >= 0:
            at_once = self.last == prompt.masked and (step == self.step if step >= 0 else now == self.moment)
            return (0.0 if at_once else 1.0), 0.0
        return 0.0, float(rfind(self.shapes, prompt.shape or 1) >= 0)

    def take(self, prompt: Fingerprint, now: float, step: int) -> None:
        """Remember a prompt."""
        equal, alike = self.weigh(prompt, now, step)
        self.count += 1
        self.equal += equal
        self.alike += alike
        remember(self.exact, prompt.masked or 1, PROMPTS)
        remember(self.shapes, prompt.shape or 1, PROMPTS)
        self.moment, self.step, self.last = now, step, prompt.masked


class Brood(Struct, array_like=True, gc=False):
    """The descendants of one tree.

    asked: what callers told of (`invoke_agent`). born: what began to run; a run tells of itself, so most are in both.
    deepest: how far below the root. inbred: the deepest that has an ancestor of its own kind (name but for its number).
    second and deeper: how many were born at depth 2, and below it. returned: how many brought something that no other
    had brought; barren: how many ended in failure, with nothing, or with what another had brought.
    since, index, event_id, tokens, cost_nusd, unpriced: when the first descendant came, and what the tree had used.
    """

    since: float
    index: int
    event_id: str
    tokens: int
    cost_nusd: int
    unpriced: int
    asked: Line = field(default_factory=Line)
    born: Line = field(default_factory=Line)
    births: int = 0
    calls: int = 0
    deepest: int = 0
    inbred: int = 0
    second: int = 0
    deeper: int = 0
    returned: int = 0
    barren: int = 0
    outcomes: bytearray = field(default_factory=bytearray)
    times: bytearray = field(default_factory=bytearray)
    ids: list[str] = field(default_factory=list)

    def spawned(self, now: float) -> None:
        """Remember when one more came."""
        if len(self.times) >= BURST * _TIME:
            del self.times[:_TIME]
        self.times += min(0xFFFFFFFF, max(0, int((now - self.since) * 10))).to_bytes(_TIME, "little")

    def burst_s(self, now: float) -> float | None:
        """Tell within how many seconds the last ten came; None where there were not so many."""
        if len(self.times) < BURST * _TIME:
            return None
        return now - self.since - int.from_bytes(self.times[:_TIME], "little") / 10

    def brought(self, outcome: int) -> None:
        """Take in what one descendant brought (a digest; 0 is nothing)."""
        if not outcome or rfind(self.outcomes, outcome) >= 0:
            self.barren += 1
            return
        self.returned += 1
        remember(self.outcomes, outcome, PROMPTS)


@lru_cache(maxsize=4096)
def stem(agent: str) -> str:
    """Give an agent's name without what numbers it: `worker-7` and `worker-a3f9` are both `worker`."""
    parts = agent.lower().replace("_", "-").replace(".", "-").replace(" ", "-").split("-")
    kept = [part.rstrip("0123456789") for part in parts if not _numbers(part)]
    return "-".join(kept) or agent


def _numbers(part: str) -> bool:
    return part.isdigit() or (any(one.isdigit() for one in part) and _HEX.issuperset(part)) or len(part) >= 16

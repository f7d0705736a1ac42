"""What is remembered of a run, an agent, a tree of runs and an app: small, mutable, encodable, bounded by its owner.

Only `population` creates and drops these and only `bank` and the detectors change them. Everything that a detector
remembers hangs here, so that a checkpoint holds all of it. Times are the app's clock in unix seconds.
"""

from msgspec import Struct, field

from agentwatch.detect.beats import Asked, Beats
from agentwatch.detect.brood import Brood
from agentwatch.detect.exchange import Exchange
from agentwatch.detect.growth import Growth
from agentwatch.detect.history import History
from agentwatch.detect.hitters import Hitters
from agentwatch.detect.jobs import Job
from agentwatch.detect.manner import Manner
from agentwatch.detect.pace import Pace
from agentwatch.detect.reading import Reading
from agentwatch.detect.shrinking import Shrinking
from agentwatch.fingerprint.residual import LearntSubject
from agentwatch.records import Signal

__all__ = ["AgentState", "AppState", "DayTotals", "LastSignal", "RootState", "RunState", "Scope"]


class LastSignal(Struct, array_like=True, gc=False):
    """The latest signal of one detector on one subject: when, on which event, and how strong it ever was."""

    at: float
    index: int
    peak: float
    signal: Signal


class DayTotals(Struct, array_like=True, gc=False):
    """What was used since midnight UTC of `day` (days since 1970). Turns are counted as `RunState.turns` does."""

    day: int = -1
    since: float = 0.0
    turns: int = 0
    tokens: int = 0
    cost_nusd: int = 0
    unpriced: int = 0


class RootState(Struct, array_like=True, gc=False):
    """A tree of runs, named by its top run. `live` runs are still tracked, `descendants` were ever seen.

    told: what each of its agents was sent that it had not been sent before (see `news`).
    """

    root: str
    agent: str
    started: float = 0.0
    last: float = 0.0
    live: int = 0
    descendants: int = 0
    events: int = 0
    turns: int = 0
    tokens: int = 0
    cost_nusd: int = 0
    unpriced: int = 0
    exchange: Exchange | None = None
    signals: dict[str, LastSignal] | None = None
    brood: Brood | None = None
    told: dict[str, int] | None = None


class Seldom(Struct, array_like=True, gc=False):
    """What most runs know nothing of, and do not pay for.

    human_at: when a human spoke last. depth: how far below the root the run lies, once `spawn` has seen it; prompted:
    and what it was asked to do. interval_s, woken: how often it is to be woken, and for which job (see `unattended`);
    asked_nusd, asked_at: what it had cost when it was last asked, -1 where it was not, and when.
    """

    human_at: float = 0.0
    depth: int = 0
    prompted: bool = False
    shrinking: Shrinking | None = None
    interval_s: float = 0.0
    woken: int = 0
    asked_nusd: int = -1
    asked_at: float = 0.0


class RunState(Struct, array_like=True, gc=False):
    """One run. `own` is the content history of its agent, `others` that of each other agent that speaks in it.

    tokens: input and output together. recent: digests of the latest event ids (see `dedup`). tree: its tree, as long as
    it is alone in it. job: the key of what it is a run of (see `restart`). news: what was new in it or below it (see
    `news`). seldom: is None until something of it is known.
    """

    tenant: str
    app: str
    agent: str
    run: str
    root: str
    parent: str = ""
    task: str = ""
    team: str = ""
    users: tuple[str, ...] = ()
    model: str = ""
    started: float = 0.0
    last: float = 0.0
    first_index: int = 0
    last_index: int = 0
    events: int = 0
    chats: int = 0
    rounds: int = 0
    tokens: int = 0
    cost_nusd: int = 0
    unpriced: int = 0
    ended: bool = False
    last_step: int = -1
    epoch: int = -1
    epoch_at: float = 0.0
    handles: dict[str, str] | None = None
    recent: bytes = b""
    own: History = field(default_factory=History)
    others: dict[str, History] | None = None
    tree: RootState | None = None
    signals: dict[str, LastSignal] | None = None
    job: int = 0
    growth: Growth | None = None
    akin: int = 0
    news: int = 0
    seldom: Seldom | None = None

    @property
    def rare(self) -> Seldom:
        """What most runs know nothing of, to be read."""
        return self.seldom or _NOTHING_RARE

    def noted(self) -> Seldom:
        """Give what most runs know nothing of, to be written."""
        if self.seldom is None:
            self.seldom = Seldom()
        return self.seldom

    @property
    def speakers(self) -> dict[str, History]:
        """The histories of all agents that speak in the run, by agent."""
        return {self.agent: self.own, **self.others} if self.others else {self.agent: self.own}

    def histories(self) -> tuple[History, ...]:
        """Give the histories alone."""
        return (self.own, *self.others.values()) if self.others else (self.own,)

    @property
    def turns(self) -> int:
        """LLM calls, or rounds of tool calls where those are more (a producer may report only its tools)."""
        return max(self.chats, self.rounds)

    @property
    def stoppable(self) -> bool:
        """Whether a guard or a handle for an enforcer was ever seen."""
        return self.epoch >= 0 or bool(self.handles)


_NOTHING_RARE = Seldom()  # never changed


class AgentState(Struct, array_like=True, gc=False):
    """One agent over all its runs, with the totals of the day and what its rate is compared with. run: its latest.

    template: what its prompts share (see `phrase`). manner: what it is compared with its peers by.
    """

    agent: str
    team: str = ""
    started: float = 0.0
    last: float = 0.0
    last_index: int = 0
    runs: int = 0
    events: int = 0
    tokens: int = 0
    cost_nusd: int = 0
    unpriced: int = 0
    epoch: int = -1
    today: DayTotals = field(default_factory=DayTotals)
    pace: Pace | None = None
    signals: dict[str, LastSignal] | None = None
    run: str = ""
    asked: Asked | None = None
    template: LearntSubject | None = None
    manner: Manner | None = None


class AppState(Struct, array_like=True, gc=False):
    """One app: its clock (the highest `ts` seen of it) and everything in it, by id; see `root` for trees.

    starts and jobs: which jobs were started lately, and those of them that were started again (see `jobs`).
    """

    tenant: str
    app: str
    clock: float = 0.0
    last_index: int = 0
    swept: float = 0.0
    events: int = 0
    today: DayTotals = field(default_factory=DayTotals)
    signals: dict[str, LastSignal] | None = None
    agents: dict[str, AgentState] = field(default_factory=dict)
    roots: dict[str, RootState] = field(default_factory=dict)
    runs: dict[str, RunState] = field(default_factory=dict)
    hitters: Hitters | None = None
    starts: bytes = b""
    jobs: dict[int, Job] | None = None
    wakes: bytes = b""
    beats: dict[int, Beats] | None = None
    template: LearntSubject | None = None

    def root(self, name: str) -> RootState | None:
        """Find a tree by its top run: a tree of one hangs on its run, others are in `roots`."""
        top = self.runs.get(name)
        return top.tree if top is not None and top.tree is not None else self.roots.get(name)


class Scope(Struct, gc=False):
    """Where one event belongs. `history` is that of the event's agent (the speaker) within the run.

    reading: what the event means against what was learnt before it, for all detectors (see `evidence`).
    duplicate: the event's id was seen in the run's last 256 events within 10 minutes; it counts for nothing.
    opened: this event began the run.
    """

    app: AppState
    agent: AgentState
    root: RootState
    run: RunState
    history: History
    reading: Reading
    duplicate: bool = False
    opened: bool = False

"""What the control API, the CLI and the page show of the running daemon: plain answers, made from the state."""

from msgspec import Struct, field

from agentwatch.records import Decision, Evidence, Incident, Level

__all__ = [
    "AgentView",
    "ApprovalView",
    "BoundView",
    "BreakerView",
    "CohortView",
    "ComponentHealth",
    "CrossingView",
    "DecisionFilter",
    "Explanation",
    "IncidentPage",
    "Page",
    "PartitionView",
    "RepeatView",
    "RuleView",
    "RulesView",
    "RunView",
    "SignalView",
    "StatusView",
    "StepView",
]


class SignalView(Struct, frozen=True, kw_only=True):
    """The last signal of one detector on a subject, with what its thresholds were."""

    kind: str
    subject: str
    strength: float
    kill_at: float
    level: Level
    confidence: float
    at: float
    reason: str
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()
    evidence: Evidence = Evidence()


class StepView(Struct, frozen=True, kw_only=True):
    """One recent event of a run as digests: equal digests are equal content."""

    index: int
    ts: float
    op: str
    agent: str
    tool: str = ""
    arguments: str = ""
    result: str = ""
    output: str = ""
    status: str = ""
    klass: str = ""


class CohortView(Struct, frozen=True, kw_only=True):
    """How an agent compares with its peers: an annotation beside the verdict, never part of it.

    among: whose agents its peers are, those of its "app" or of its "tenant". score: of an isolation forest, 0.5 for the
    usual. differs: in what it stands out.
    """

    among: str
    peers: int
    score: float
    unlike: bool
    differs: tuple[str, ...] = ()


class RunView(Struct, frozen=True, kw_only=True):
    """One run: who, since when, how much, how far up the ladder."""

    subject: str
    tenant: str
    app: str
    agent: str
    run: str
    root_run: str
    parent_run: str = ""
    task: str = ""
    team: str = ""
    started_at: float
    last_at: float
    events: int
    tokens: int
    cost_nusd: int
    unpriced: int = 0
    ended: bool = False
    level: Level = Level.observe
    stoppable: bool = False  # a live guard or another enforcer was seen
    signals: tuple[SignalView, ...] = ()
    steps: tuple[StepView, ...] = ()


class AgentView(Struct, frozen=True, kw_only=True):
    """One agent over all its runs."""

    subject: str
    tenant: str
    app: str
    agent: str
    team: str = ""
    runs: int
    events: int
    tokens: int
    cost_nusd: int
    cost_per_hour_nusd: int = 0
    last_at: float
    level: Level = Level.observe
    stoppable: bool = False
    signals: tuple[SignalView, ...] = ()
    run_views: tuple[RunView, ...] = ()
    cohort: CohortView | None = None


class RepeatView(StepView, frozen=True, kw_only=True):
    """One step beside the earlier one of the same list that it is most like (`beside`, its place; -1 for none).

    equal: the fields that are the same; differs: the others, with how. Digests are those by which the detectors
    compare. index is -1 where only digests are known. samples: short texts, where the rule allows them. said: the
    detectors for which the step was evidence.
    """

    place: int
    event_id: str = ""
    input: str = ""
    samples: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    beside: int = -1
    equal: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()


class CrossingView(Struct, frozen=True, kw_only=True):
    """One level for one detector: the strength that it takes (`needs`), and the first event that had it, if any did.

    reached: the strength then, or the furthest so far. bound: what keeps it from the level all the same. decided: what
    was decided on that event, and gate what held it back. count: repeats by then.
    """

    kind: str
    subject: str
    level: Level
    needs: float
    reached: float
    bound: str = ""
    index: int = -1
    at: float = 0.0
    event_id: str = ""
    count: int = 0
    decision: str = ""
    decided: Level | None = None
    gate: str = ""
    gate_reason: str = ""


class Explanation(Struct, frozen=True, kw_only=True):
    """Why a subject is where it is: signals, repeated steps, what speaks for and against, decisions and the gate.

    run: the run whose steps are shown, where the subject is a tree, an agent or an app. repeats: its last steps side by
    side. crossings: level by event.
    """

    subject: str
    level: Level
    words: tuple[str, ...]
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()
    signals: tuple[SignalView, ...] = ()
    steps: tuple[StepView, ...] = ()
    run: str = ""
    repeats: tuple[RepeatView, ...] = ()
    crossings: tuple[CrossingView, ...] = ()
    decisions: tuple[Decision, ...] = ()
    allowed_by: str = ""
    cohort: CohortView | None = None


class ComponentHealth(Struct, frozen=True, kw_only=True):
    """Whether one part works, and in words what is wrong where it does not."""

    name: str
    ok: bool
    detail: str = ""


class BreakerView(Struct, frozen=True, kw_only=True):
    """The limit on kills: a scope's window, what was used of it, and its state (closed, open, half_open)."""

    scope: str
    state: str
    used: int
    allowed: int
    window_s: float
    since: float = 0.0


class ApprovalView(Struct, frozen=True, kw_only=True):
    """A decision that waits for an operator's word: `until` then, and what comes without one (`drop` or `go`)."""

    decision: Decision
    until: float
    otherwise: str


class BoundView(Struct, frozen=True, kw_only=True):
    """Something that is bounded, by the option that sets its limit: what is used of it, and what had to be dropped."""

    name: str
    limit: int
    used: int
    dropped: int


class StatusView(Struct, frozen=True, kw_only=True):
    """The daemon at one glance."""

    version: str
    mode: str
    partition: int
    partitions: int
    started_at: float
    now: float
    events: int
    events_per_second: float
    lag: int
    oldest_unread_s: float
    position: str
    runs_active: int
    agents_active: int
    looping: int
    standing: dict[str, int]
    dead_letters: int
    cost_today_nusd: int
    policy_digest: str
    rules: int
    dropped: dict[str, int]
    limits: dict[str, int] = field(default_factory=dict)
    breakers: tuple[BreakerView, ...] = ()
    components: tuple[ComponentHealth, ...] = ()
    last_reload: str = ""
    bounds: tuple[BoundView, ...] = ()
    shed_events: int = 0
    shedding: dict[str, int] = field(default_factory=dict)
    safe_mode: str = ""
    canary: str = ""
    incidents_open: int = 0
    fingerprints: str = ""  # the form that makes them: compiled, or pure
    partitions_held: tuple[int, ...] = ()


class PartitionView(Struct, frozen=True, kw_only=True):
    """One partition: who serves it, and how far it has come.

    owner: machine and process, empty where nobody serves it. lease_s: until its lease ends unless it is renewed. lag:
    entries not yet read, -1 where nobody has begun. oldest_s: age of the oldest of them. token: the fencing token.
    """

    index: int
    owner: str = ""
    url: str = ""
    token: int = 0
    lease_s: float = 0.0
    position: str = "0-0"
    events: int = 0
    lag: int = 0
    oldest_s: float = 0.0


class DecisionFilter(Struct, frozen=True, kw_only=True):
    """Which decisions are wanted: all given conditions must hold."""

    tenant: str = ""
    subject: str = ""
    agent: str = ""
    level: Level | None = None
    active: bool = False
    before: str = ""
    limit: int = 100


class Page(Struct, frozen=True, kw_only=True):
    """A part of a list of decisions, newest first; `next` is the `before` of the following part."""

    decisions: tuple[Decision, ...]
    next: str = ""


class IncidentPage(Struct, frozen=True, kw_only=True):
    """A part of a list of incidents, latest opened first; `next` is the `before` of the following part."""

    incidents: tuple[Incident, ...]
    next: str = ""


class RuleView(Struct, frozen=True, kw_only=True):
    """One rule: whom it governs, what it may do to them, and what it did.

    changes: thresholds that it sets. events: that it governed since the policy was read. runs_active: that had an event
    lately. standing: how many of its decisions stand, by level.
    """

    name: str
    description: str
    digest: str
    mode: str
    protected: bool
    match: dict[str, tuple[str, ...]]
    actions: tuple[Level, ...]
    changes: tuple[str, ...] = ()
    events: int = 0
    runs_active: int = 0
    standing: dict[str, int] = field(default_factory=dict)


class RulesView(Struct, frozen=True, kw_only=True):
    """The rules in the order in which they are asked: the first that fits an event governs it."""

    digest: str
    mode: str
    rules: tuple[RuleView, ...]

"""Agents and runs: who, how much, how far up the ladder, and how an agent compares with its peers."""

from msgspec import Struct

from agentwatch.records import Evidence, Level

__all__ = ["AgentView", "CohortView", "RunView", "SignalView", "StepView"]


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

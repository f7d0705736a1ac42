"""Why a subject is where it is: its steps side by side, and which event reached which level."""

from msgspec import Struct

from agentwatch.records import Decision, Level
from agentwatch.views.fleet import CohortView, SignalView, StepView

__all__ = ["CrossingView", "Explanation", "RepeatView"]


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

"""How far each detector ever got in each run, with its threshold out of the way.

A detector is asked again and again with a threshold just above what it said, until it says nothing: its score on an
event is the lowest threshold at which it would not have spoken, whatever form its evidence takes. Reading changes
nothing, so it may be asked as often as one likes. Nothing is ever decided here, so nothing that is decided can look
like evidence.
"""

from collections.abc import Callable
from typing import Any, Final, cast

from msgspec import Struct, field
from msgspec.structs import replace

from agentwatch.detect.bank import DETECTORS, Bank
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.detect.state import Scope
from agentwatch.ports import Detector
from agentwatch.records import Observation, Signal

__all__ = ["CALIBRATED", "RunKey", "RunScores", "ScoringBank", "kills_of"]

RunKey = tuple[str, str, str]  # tenant, app, run

# kind → the option that its warning is a multiple of. What is missing here has several thresholds at once (`spawn`,
# `unattended`), sets its own rate of false alarms (`rate`), is somebody's budget (`ceiling`) or no verdict (`cohort`).
CALIBRATED: Final[dict[str, str]] = {
    "repeat": "warn",
    "cycle": "warn_rounds",
    "stagnation": "warn",
    "failure": "warn",
    "monologue": "warn",
    "paraphrase": "warn",
    "pingpong": "warn",
    "slow": "warn",
    "degenerate": "warn",
    "restart": "warn",
    "compaction": "warn",
    "context": "warn",
}
_FAR = 1e6  # times the kill: so that no strength is held below it
_STEP = 1.0 + 1e-6  # how far above what it said a detector is asked again
_MOST = 16  # times; each answer is above the one before, and two are usual


class RunScores(Struct):
    """One run: how many events, from when to when, and how far each detector got, in units of its own threshold."""

    events: int = 0
    first: float = 0.0
    last: float = 0.0
    reached: dict[str, float] = field(default_factory=dict)


class ScoringBank(Bank):
    """Scores every run against the given floors: what does not get as far as its floor counts as nothing.

    runs: by key, in the order in which they began. order: the key of each event, by its index.
    """

    def __init__(self, options: StateOptions, floors: DetectOptions) -> None:
        super().__init__(options)
        self._floors = floors
        self.runs: dict[RunKey, RunScores] = {}
        self.order: dict[int, RunKey] = {}

    def observe(self, seen: Observation, scope: Scope, options: DetectOptions) -> list[Signal]:
        """Count the event for its run, and let the detectors score it."""
        event = seen.event
        key = event.tenant, event.app, event.run
        run = self.runs.get(key)
        if run is None:
            run = self.runs[key] = RunScores(first=seen.now)
        run.events += 1
        run.last = seen.now
        self.order[seen.index] = key
        return super().observe(seen, scope, options)

    def _detectors(self, options: DetectOptions) -> tuple[Detector[Scope], ...]:
        return tuple(
            cast("Detector[Scope]", _Climbing(one, getattr(self._floors, one.kind), self._hear))
            if one.kind in CALIBRATED
            else one
            for one in super()._detectors(options)
        )

    def _hear(self, seen: Observation, kind: str, score: float) -> None:
        event = seen.event
        reached = self.runs[event.tenant, event.app, event.run].reached
        reached[kind] = max(score, reached.get(kind, 0.0))


class _Climbing:
    """A detector that is asked how far it gets. It says what it would have said, and learns by its own function."""

    def __init__(self, detector: Detector[Scope], floor: Any, hear: Callable[[Observation, str, float], None]) -> None:
        self.kind = detector.kind
        self.learn = detector.learn
        for name in ("ops", "hears_silence"):
            if hasattr(detector, name):
                setattr(self, name, getattr(detector, name))
        self._detector = detector
        self._option = CALIBRATED[detector.kind]
        self._far = _out_of_the_way(floor)
        self._lowest = DETECTORS[detector.kind](self._far)
        self._hear = hear

    def read(self, seen: Observation, state: Scope) -> Signal | None:
        """Find the lowest threshold at which nothing would be said of this event."""
        asked, threshold, score = self._lowest, float(getattr(self._far, self._option)), 0.0
        for _ in range(_MOST):
            signal = asked.read(seen, state)
            if signal is None:
                break
            score = max(score, signal.strength * threshold)
            threshold = score * _STEP
            asked = DETECTORS[self.kind](replace(self._far, **{self._option: threshold}))
        if score:
            self._hear(seen, self.kind, score)
        return self._detector.read(seen, state)


def _out_of_the_way(options: Any) -> Any:
    """Lift a detector's kill so far that nothing is held just below it; what is measured against it is lifted alike.

    Of rounds and steps, which must both be enough to warn, rounds alone count: no round is shorter than two steps.
    """
    fields = {name: getattr(options, name) * _FAR for name in kills_of(options)}
    if hasattr(options, "warn_steps"):
        fields["warn_steps"] = 2
    return replace(options, **fields)


def kills_of(options: Any) -> list[str]:
    """List the thresholds of a detector that keep their proportion to its warning."""
    return [name for name in options.__struct_fields__ if name.startswith("kill") and not name.endswith("usd")]

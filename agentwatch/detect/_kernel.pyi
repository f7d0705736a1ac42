"""The compiled form of detection, as Python sees it. Its source is in native/; what a function names is its oracle."""

from collections.abc import Callable
from typing import Any, Final, Self

from agentwatch.detect.kernel import Parts
from agentwatch.detect.reading import Reading
from agentwatch.detect.state import AppState, Scope
from agentwatch.records import Event, Observation, Prints, ResultClass, Signal

INTERFACE: Final[int]
CLASSES: Final[tuple[str, ...]]
FIELDS: Final[tuple[str, ...]]  # each as `class.field`
FUNCTIONS: Final[tuple[str, ...]]
KLASSES: Final[tuple[str, ...]]
LIMITS: Final[tuple[str, ...]]
WEIGHTS: Final[tuple[str, ...]]  # each as `module.NAME`
LIKENESSES: Final[tuple[str, ...]]  # the same
WATCHERS: Final[tuple[str, ...]]  # kinds of detectors, by their numbers

def bind(
    classes: tuple[type, ...],
    places: tuple[int, ...],
    functions: tuple[object, ...],
    klasses: tuple[ResultClass, ...],
    limits: tuple[int, ...],
    weights: tuple[float, ...],
    likenesses: tuple[int, ...],
    /,
) -> None:
    """Take what is named by `CLASSES`, `FIELDS` (places), `FUNCTIONS` (of the pure form) and the others, in turn."""

class Places:
    """Places events of runs that go on (`Population.admit`), and looks up the next ones before their turn.

    bounds: `sweep_s`, `default_run_idle_s`, `duplicate_events` and `duplicate_s`.
    """

    def __new__(
        cls,
        apps: dict[tuple[str, str], AppState],
        bounds: tuple[float, float, int, float],
        nothing: Reading,
        /,
    ) -> Self: ...
    def place(self, event: Event, index: int, /) -> Scope | None:
        """Give where an event belongs; None, and nothing changed, where it begins, moves or ends something."""

    def foresee(self, events: list[Event], prints: list[Prints], /) -> None:
        """Take the events that will be placed next, in this order, with their prints; others are placed as well."""

    def forget(self) -> None:
        """Look up anew what the next events belong to: something of `apps` is gone."""

class Tally:
    """Counts events of which nothing follows but sums (`tally`), one batch at a time.

    Between two batches, and where it cannot tell, everything is left to the pure form. names: of all that something is
    known about. kinds: of a line of the ledger, of a run that is active and of an outcome; places: of their fields, as
    `tally` names them.
    """

    def __new__(cls, names: dict[str, int], kinds: tuple[type, type, type], places: tuple[int, ...], /) -> Self: ...
    def open(
        self,
        latest: dict[str, Any],
        begun: list[Any],
        batch: int,
        most: int,
        runs: dict[tuple[str, str, str], Any],
        active_s: float,
        outcomes: dict[tuple[str, str, str], Any],
        outcome_s: float,
        now: float,
        /,
    ) -> None:
        """Begin a batch. latest to most: of the ledger; runs to outcome_s: of the gate, of which `now` is the time."""

    def take(self, seen: Observation, scope: Scope, rule: str, /) -> int:
        """Count an event; gives LEFT where nothing was counted, and GATE_LEFT where the gate is still to be told."""

    def close(self) -> None:
        """End a batch."""

def account(seen: Observation, scope: Scope, /) -> None:
    """Count an event into all that it belongs to (`accounts`)."""

def read(seen: Observation, scope: Scope, /) -> None:
    """Read an event against what was learnt before it, into `scope.reading` (`evidence.read`)."""

def learn(seen: Observation, scope: Scope, /) -> None:
    """Take an event that was read into the speaker's history (`evidence.learn`)."""

def ask(
    seen: Observation,
    scope: Scope,
    asked: tuple[bytes, tuple[Callable[[Observation, Scope], Signal | None], ...], tuple[object, ...]],
    /,
) -> list[Signal]:
    """Give the signals of all detectors that have one; one that could have none is not asked.

    asked: their numbers (places in `WATCHERS`, or 255), the `read` of each, and its options.
    """

def tell(
    seen: Observation,
    scope: Scope,
    told: tuple[bytes, tuple[Callable[[Observation, Scope], None], ...], tuple[object, ...]],
    /,
) -> None:
    """Let all detectors learn; one that has nothing to learn is not told. told: as `asked`, with their `learn`."""

def take(seen: Observation, scope: Scope, parts: Parts, /) -> list[Signal]:
    """Count an event, read it, and give its signals; where there are none it is learnt, too (`Bank`)."""

def mask(sketch: bytes, role: int, /) -> bytes:
    """Give the bits of a filter that the bins of a sketch fall on, the lowest first (`familiar`)."""

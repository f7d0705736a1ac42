"""All detectors over all state: every one reads the event, then every one learns it.

Of an ordinary event few detectors could say anything. Which ones that are follows from what they declare, and is worked
out once for each set of options.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from agentwatch.detect.ceiling import Ceiling, ceilings
from agentwatch.detect.cohort import Cohort
from agentwatch.detect.compaction import Compaction
from agentwatch.detect.context import Context
from agentwatch.detect.cycle import Cycle
from agentwatch.detect.degenerate import Degenerate
from agentwatch.detect.failure import Failure
from agentwatch.detect.kernel import UNWATCHED, Asked, Form, Parts, Told, form
from agentwatch.detect.monologue import Monologue
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.detect.paraphrase import Paraphrase
from agentwatch.detect.pingpong import Pingpong
from agentwatch.detect.population import Population
from agentwatch.detect.queries import FleetState
from agentwatch.detect.rate import Rate
from agentwatch.detect.reading import NOTHING
from agentwatch.detect.repeat import Repeat
from agentwatch.detect.restart import Restart
from agentwatch.detect.slow import Slow
from agentwatch.detect.snapshot import FORMAT, dump, load
from agentwatch.detect.spawn import Spawn
from agentwatch.detect.stagnation import Stagnation
from agentwatch.detect.stakes import Stakes
from agentwatch.detect.state import AgentState, AppState, LastSignal, RootState, RunState, Scope
from agentwatch.detect.timetable import keeps_time
from agentwatch.detect.unattended import Unattended
from agentwatch.ports import Detector
from agentwatch.records import Event, Observation, Op, Prints, Signal

__all__ = ["DETECTORS", "Bank", "build"]

# kind → class; the options of a kind are `DetectOptions`' field of that name. Order is the order of reading.
DETECTORS: dict[str, Callable[[Any], Detector[Scope]]] = {
    "repeat": Repeat,
    "cycle": Cycle,
    "stagnation": Stagnation,
    "failure": Failure,
    "monologue": Monologue,
    "paraphrase": Paraphrase,
    "pingpong": Pingpong,
    "slow": Slow,
    "degenerate": Degenerate,
    "spawn": Spawn,
    "restart": Restart,
    "compaction": Compaction,
    "context": Context,
    "unattended": Unattended,
    "rate": Rate,
    "cohort": Cohort,
    "ceiling": Ceiling,
}
_OPS: tuple[str, ...] = get_args(Op)
_MAX_SETS = 256
# Events that say nothing about content: they are counted, never judged, and told to detectors that ask for them.
_SILENT = frozenset(("heartbeat", "run_start"))


def build(options: DetectOptions) -> tuple[Detector[Scope], ...]:
    """Make the enabled detectors of one set of options; of ceilings one for each extent that has a limit."""
    chosen = ((kind, make, getattr(options, kind)) for kind, make in DETECTORS.items() if kind != Ceiling.kind)
    content = tuple(make(its_own) for _, make, its_own in chosen if its_own.enabled)
    return content + (tuple(ceilings(options.ceiling)) if options.ceiling.enabled else ())


class Bank:
    """The state of one partition and the detectors over it.

    For each event: `admit`, then `observe` with the app's clock (`scope.app.clock`) as the observation's `now`. `pure`
    keeps the compiled form out.
    """

    format = FORMAT

    def __init__(self, options: StateOptions, *, pure: bool = False) -> None:
        self._form = form(pure=pure)
        self.population = Population(options)
        self._places = self._form.places(self.population.apps, self.population.bounds, NOTHING)
        self._account, self._learn = self._form.account, self._form.learn
        self._ask, self._teach = self._form.ask, self._form.tell
        self._read = self._reader(self._form)
        whole = self._form.take if self._read is self._form.read else None
        self._take = whole or self._in_steps
        self._index = 0
        self._sets: dict[int, _Panel] = {}

    def admit(self, event: Event, index: int | None = None) -> Scope:
        """Find or make what the event belongs to; `index` is its position in the input, by default the next one."""
        self._index = self._index if index is None else index
        scope = self._places.place(event, self._index) or self._begin(event)
        self._index += 1
        return scope

    def foresee(self, events: list[Event], prints: list[Prints]) -> None:
        """Be told which events come next, in order, with their prints; changes nothing but how long they take."""
        self._places.foresee(events, prints)

    def observe(self, seen: Observation, scope: Scope, options: DetectOptions) -> list[Signal]:
        """Count the event and judge it. A duplicate counts for nothing.

        Held events and our own effects are counted and priced, and are no evidence.
        """
        if scope.duplicate:
            return []
        panel = self._sets.get(id(options))
        if panel is None or panel.options is not options:
            panel = self._assemble(options)
        parts = panel.parts[seen.event.op]
        signals = self._take(seen, scope, parts)
        if not signals:
            return signals
        signals = _weighed(signals, seen, scope, panel.stakes)
        self._learn(seen, scope)
        self._teach(seen, scope, parts.learns)
        for signal in signals:
            _remember(scope, seen, signal)
        return signals

    def _in_steps(self, seen: Observation, scope: Scope, parts: Parts) -> list[Signal]:
        """Count the event, read it, and ask all; where nobody says anything, let all learn it."""
        self._account(seen, scope)
        if seen.event.status == "held" or seen.own_effect:
            return []
        if parts.hears is not None:
            for learn in parts.hears:
                learn(seen, scope)
            return []
        self._read(seen, scope)
        signals = self._ask(seen, scope, parts.accused if scope.reading.accuses else parts.calm)
        if not signals:
            self._learn(seen, scope)
            self._teach(seen, scope, parts.learns)
        return signals

    @property
    def fleet(self) -> FleetState:
        """What is tracked, for questions."""
        return FleetState(self.population)

    def snapshot(self) -> Iterator[bytes]:
        """Encode the whole state in chunks of at most 1 MiB (see `snapshot`); nothing may change it meanwhile."""
        return dump(self.population, self._index)

    def restore(self, chunks: Iterable[bytes | memoryview]) -> None:
        """Take the state of a snapshot in place of the present one. Raises `Incompatible` for an unknown format."""
        population = Population(self.population.options)
        self._index = load(population, chunks)
        self.population = population
        self._places = self._form.places(population.apps, population.bounds, NOTHING)

    def absorb(self, other: "Bank", mine: Callable[[str], bool]) -> None:
        """Take over the apps of another bank whose subjects are `mine`; the other is not to be used any more."""
        self._index = max(self._index, other._index)
        self.population.absorb(other.population, mine)
        self._places.forget()

    def stats(self) -> dict[str, int]:
        """Tell how much is tracked (`apps`, `agents`, `roots`, `runs`) and what was dropped (`dropped_<kind>`)."""
        held = self.population
        dropped = {f"dropped_{kind}": count for kind, count in sorted(held.dropped.items())}
        return {
            "apps": len(held.apps),
            "agents": held.agents,
            "roots": held.trees,
            "runs": held.runs,
            "dropped_parents": held.lineage.dropped,
            **dropped,
        }

    def _begin(self, event: Event) -> Scope:
        """Admit an event with which something begins, moves or is forgotten."""
        held = self.population
        closed = held.closed
        scope = held.admit(event, self._index)
        if held.closed != closed:
            self._places.forget()
        return scope

    def _reader(self, form: Form) -> Callable[[Observation, Scope], None]:
        """Give what reads the meaning of an event, for all detectors; measurements take something away from it."""
        return form.read

    def _detectors(self, options: DetectOptions) -> tuple[Detector[Scope], ...]:
        """Make the detectors of one set of options; measurements put others beside them."""
        return build(options)

    def _assemble(self, options: DetectOptions) -> "_Panel":
        if len(self._sets) >= _MAX_SETS:
            self._sets.clear()
        detectors = self._detectors(options)
        others = [one for one in detectors if not getattr(one, "of_evidence", False)]

        hears = tuple(one.learn for one in detectors if getattr(one, "hears_silence", False))

        def asked(some: Iterable[Detector[Scope]], op: str) -> Asked:
            chosen = [one for one in some if _can_tell(one, op)]
            return self._numbers(chosen), tuple(one.read for one in chosen), _options(chosen)

        def told(op: str) -> Told:
            chosen = [one for one in detectors if _learns(one, op)]
            return self._numbers(chosen), tuple(one.learn for one in chosen), _options(chosen)

        parts = {
            op: Parts(hears if op in _SILENT else None, asked(others, op), asked(detectors, op), told(op))
            for op in _OPS
        }
        panel = self._sets[id(options)] = _Panel(options, parts, Stakes(options.stakes))
        return panel

    def _numbers(self, detectors: Iterable[Detector[Scope]]) -> bytes:
        """Give the numbers of the detectors' kinds; none for one that is not ours, whatever it calls itself."""
        known = self._form.watchers
        return bytes(
            known.get(one.kind, UNWATCHED) if DETECTORS.get(one.kind) is type(one) else UNWATCHED for one in detectors
        )


class _Panel(NamedTuple):
    """One set of detectors, as what to ask of an event of each `op` and what to tell of it."""

    options: DetectOptions
    parts: Mapping[str, Parts]
    stakes: Stakes


def _options(detectors: Iterable[Detector[Scope]]) -> tuple[object, ...]:
    return tuple(getattr(one, "options", None) for one in detectors)


def _weighed(signals: Sequence[Signal], seen: Observation, scope: Scope, stakes: Stakes) -> list[Signal]:
    """Give those signals that are worth telling, at what is at stake."""
    on_time = any(map(stakes.is_at_leisure, signals)) and keeps_time(seen, scope)
    weighed = (stakes.weigh(signal, on_time=on_time) for signal in signals)
    return [signal for signal in weighed if signal is not None]


def _can_tell(detector: Detector[Scope], op: str) -> bool:
    """Tell whether a detector can give a signal of such an event; one that does not say so is asked about all."""
    return op != "run_end" and op in getattr(detector, "ops", (op,))


def _learns(detector: Detector[Scope], op: str) -> bool:
    """Tell whether a detector learns from such an event; one that does not say so is told of all."""
    return op in getattr(detector, "learns_from", (op,))


def _remember(scope: Scope, seen: Observation, signal: Signal) -> None:
    """Keep the latest signal of each kind with its subject, for `explain`."""
    place = signal.subject.split("/", 3)
    owner = _owner(scope, place[2] if len(place) == 4 else "app")
    if owner.signals is None:
        owner.signals = {}
    last = owner.signals.get(signal.kind)
    peak = max(signal.strength, last.peak) if last else signal.strength
    owner.signals[signal.kind] = LastSignal(seen.now, seen.index, peak, signal)


def _owner(scope: Scope, extent: str) -> RunState | RootState | AgentState | AppState:
    if extent == "run":
        return scope.run
    if extent == "root":
        return scope.root
    return scope.agent if extent == "agent" else scope.app

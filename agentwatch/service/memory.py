"""What is remembered of a run beside the state, only to explain it: its last steps, and how far each detector got when.

Nothing is decided by it and no checkpoint holds it. Bounded: of runs in which no detector said anything nothing is
remembered, of the others the latest ones, with the last of their steps.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

from msgspec import Struct, field

from agentwatch.act.quoting import quoted
from agentwatch.detect.bank import Bank
from agentwatch.detect.history import FAILED, History
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.detect.state import Scope
from agentwatch.records import Event, Evidence, Level, Observation, Prints, Signal

__all__ = ["Mark", "Memory", "MemoryOptions", "RememberedRun", "RememberingBank", "Step", "digests_of"]

RunKey = tuple[str, str, str]  # tenant, app, run


class MemoryOptions(Struct, frozen=True, kw_only=True):
    """How many runs, how many steps of each (about 0.6 KiB a step), and how many marks of a detector in each."""

    runs: int = 256
    steps: int = 64
    marks: int = 256


class Step(Struct, frozen=True, kw_only=True):
    """One event. call, answer: the digests by which the detectors compare a call; 0 where it was none.

    index: place in the input, -1 for a step before the run was remembered, of which only digests are known. said: the
    detectors for which it was evidence.
    """

    index: int
    ts: float
    event_id: str = ""
    op: str = "execute_tool"
    agent: str = ""
    tool: str = ""
    model: str = ""
    status: str = ""
    call: int = 0
    answer: int = 0
    prints: Prints = Prints()
    samples: tuple[str, ...] = ()
    said: tuple[str, ...] = ()


class Mark(Struct, frozen=True):
    """A detector got further than ever before in this run: on which event, about whom, and how far."""

    index: int
    ts: float
    event_id: str
    subject: str
    strength: float
    kill_at: float
    ceiling: Level
    count: int
    reason: str


class RememberedRun(Struct):
    """One run: who it is, its last steps, its marks by detector, and each detector's last signal."""

    key: RunKey
    agent: str
    root_run: str
    task: str
    team: str
    steps: deque[Step]
    marks: dict[str, list[Mark]] = field(default_factory=dict)
    signals: dict[str, tuple[float, Signal]] = field(default_factory=dict)


class Memory:
    """Remembers runs from the first signal on. samples: whether texts of an event may be kept."""

    def __init__(
        self,
        options: MemoryOptions = MemoryOptions(),  # noqa: B008  # frozen
        samples: Callable[[Event], bool] = lambda _: False,
    ) -> None:
        self._options = options
        self._samples = samples
        self.runs: OrderedDict[RunKey, RememberedRun] = OrderedDict()
        self.dropped = 0

    def note(self, seen: Observation, scope: Scope, signals: Sequence[Signal], always: bool = False) -> None:
        """Take in an event after it was judged. always: remember its run even while no detector says anything."""
        event = seen.event
        key = event.tenant, event.app, event.run
        run = self.runs.get(key)
        if run is None:
            if not signals and not always:
                return
            run = self._begin(key, seen, scope, always)
        run.steps.append(self._step(seen, scope, tuple(signal.kind for signal in signals)))
        for signal in signals:
            run.signals[signal.kind] = (seen.now, signal)
            self.mark(run, seen, signal)
        if signals:
            self.runs.move_to_end(key)

    def mark(self, run: RememberedRun, seen: Observation, signal: Signal) -> None:
        """Note how far a detector got, where that is further than before."""
        marks = run.marks.setdefault(signal.kind, [])
        if marks and signal.strength <= marks[-1].strength:
            return
        if len(marks) >= self._options.marks:
            marks.pop()
        marks.append(
            Mark(
                seen.index,
                seen.event.ts,
                seen.event.id,
                signal.subject,
                signal.strength,
                signal.kill_at,
                signal.ceiling,
                signal.evidence.count,
                signal.reason,
            )
        )

    def _begin(self, key: RunKey, seen: Observation, scope: Scope, whole: bool) -> RememberedRun:
        if len(self.runs) >= self._options.runs:
            self.runs.popitem(last=False)
            self.dropped += 1
        event = seen.event
        earlier = [] if whole else _earlier(event.agent, scope.history)
        run = self.runs[key] = RememberedRun(
            key, event.agent, event.root_run, event.task, event.team, deque(earlier, self._options.steps)
        )
        return run

    def _step(self, seen: Observation, scope: Scope, said: tuple[str, ...]) -> Step:
        event, history = seen.event, scope.history
        called = event.op == "execute_tool" and history.index == seen.index and history.window > 0
        return Step(
            index=seen.index,
            ts=event.ts,
            event_id=event.id,
            op=event.op,
            agent=event.agent,
            tool=event.tool,
            model=event.model,
            status=event.status or ("error" if event.error is not None else ""),
            call=history.call_at(history.window - 1) if called else 0,
            answer=history.result_at(history.window - 1) if called else 0,
            prints=seen.prints,
            said=said,
            samples=quoted(Evidence(), seen, samples=True).samples if self._samples(event) else (),
        )


class RememberingBank(Bank):
    """Judges as the usual bank does, and remembers what is needed to explain it."""

    def __init__(self, options: StateOptions, memory: Memory) -> None:
        super().__init__(options)
        self.memory = memory

    def observe(self, seen: Observation, scope: Scope, options: DetectOptions) -> list[Signal]:
        """Judge the event, and remember it where its run is worth it."""
        signals = super().observe(seen, scope, options)
        event = seen.event
        if not scope.duplicate and (signals or (event.tenant, event.app, event.run) in self.memory.runs):
            self.memory.note(seen, scope, signals)
        return signals

    def stats(self) -> dict[str, int]:
        """Tell what is tracked and what was dropped, with the runs that can no longer be explained step by step."""
        return {**super().stats(), "dropped_explained_runs": self.memory.dropped}


def digests_of(step: Step) -> dict[str, str]:
    """Give the digests to show: those that the detectors compare where there are any, else of the content itself."""
    prints = step.prints
    arguments, result = prints.arguments, prints.result
    return {
        "arguments": _hex(step.call or (arguments.masked if arguments else 0)),
        "result": _hex(step.answer or (result.masked if result else 0)),
        "output": _hex(prints.output.masked if prints.output else 0),
        "input": _hex(prints.input.masked if prints.input else 0),
    }


def _hex(digest: int) -> str:
    return f"{digest:016x}" if digest else ""


def _earlier(agent: str, history: History) -> list[Step]:
    """Give the calls before the one in hand, as far as the state still holds them."""
    return [
        Step(
            index=-1,
            ts=history.time_at(place),
            agent=agent,
            status="error" if history.mark_at(place) & FAILED else "",
            call=history.call_at(place),
            answer=history.result_at(place),
        )
        for place in range(history.window - 1)
    ]

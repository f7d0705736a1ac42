"""Explains a run out of recorded events: all of its steps, and how near each detector came, without any daemon."""

from collections import deque
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path

from agentwatch.cli.failure import NotFound
from agentwatch.cli.replay import NumberedLines, rules_of, tell_rest, teller
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.detect.state import Scope
from agentwatch.errors import BadRequest
from agentwatch.evaluate.probing import ProbingBank
from agentwatch.records import Decision, Event, Observation, Signal
from agentwatch.service.explaining import explain
from agentwatch.service.memory import Memory, MemoryOptions
from agentwatch.service.replaying import Replay
from agentwatch.subject import covering, run_subject
from agentwatch.views import Explanation

__all__ = ["explain_run"]

_DECISIONS = 100_000
_RUNS = 1000
_STEPS = 20_000


class _Everything(ProbingBank):
    """Remembers every step of what was asked for, and what the detectors nearly said."""

    def __init__(self, options: StateOptions, memory: Memory, wanted: Callable[[Event], bool]) -> None:
        super().__init__(options, hear=self._hears)
        self._memory = memory
        self._wanted = wanted
        self._nearly: list[Signal] = []

    def _hears(self, _seen: Observation, signal: Signal) -> None:
        self._nearly.append(signal)

    def observe(self, seen: Observation, scope: Scope, options: DetectOptions) -> list[Signal]:
        """Judge the event, and remember it where it is asked for."""
        self._nearly.clear()
        signals = super().observe(seen, scope, options)
        event = seen.event
        if self._wanted(event) and not scope.duplicate:
            self._memory.note(seen, scope, signals, always=True)
            run = self._memory.runs[event.tenant, event.app, event.run]
            for signal in self._nearly:
                if signal.strength < 1.0:
                    self._memory.mark(run, seen, signal)
        return signals


def explain_run(
    name: str, events: Sequence[str], policy_files: Sequence[Path], config_file: Path | None
) -> Explanation:
    """Replay the events, and explain the run or the subject of this name.

    Raises `NotFound` where no event is of it, and `BadRequest` where runs of several apps have the name.
    """
    config, book = rules_of(config_file, policy_files)
    memory = Memory(
        MemoryOptions(runs=_RUNS, steps=_STEPS),
        lambda e: book.policy.match(e.tenant, e.app, e.team, e.agent, e.tool, e.model).samples,
    )
    seen: dict[str, None] = {}

    def wanted(event: Event) -> bool:
        if event.run not in seen:
            seen[event.run] = None
        if event.run == name:
            return True
        around = covering(event.tenant, event.app, event.agent, event.run, event.root_run, event.task)
        return "/" in name and name in around

    lines = NumberedLines(events)
    replay = Replay(config, book, tell=teller(lines), bank=_Everything(config.state, memory, wanted))
    decisions: deque[Decision] = deque(replay.decisions(lines), _DECISIONS)
    tell_rest(replay.summary)
    subject = _subject(name, memory, list(seen))
    now = max((run.steps[-1].ts for run in memory.runs.values()), default=0.0)
    found = explain(replay.pipeline, subject, decisions, now, memory, past=True)
    if found is None:
        raise NotFound(f"nothing is known of {subject}")
    return found


def _subject(name: str, memory: Memory, runs: list[str]) -> str:
    if not memory.runs:
        near = get_close_matches(name.rpartition("/")[2], runs, n=3)
        hint = f"; near: {', '.join(near)}" if near else ""
        raise NotFound(f"no event is of {name!r}{hint}")
    if any(run.key[2] == name for run in memory.runs.values()):
        subjects = [run_subject(*run.key) for run in memory.runs.values() if run.key[2] == name]
        if len(subjects) > 1:
            raise BadRequest(f"{len(subjects)} runs have this name: {', '.join(subjects[:5])}", "subject")
        return subjects[0]
    return name

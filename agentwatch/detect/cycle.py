"""A round of 2 to 32 steps that is gone through again and again with the same answers.

For each lag a run length says how many steps in a row equalled the one a lag back, so a ring of symbols is all that is
kept. Within a known round a foreign step is set aside, once in a while; order within a step does not matter.
"""

from typing import Annotated

from msgspec import Meta, Struct

from agentwatch.detect.against import answer_of
from agentwatch.detect.history import Laps, mix
from agentwatch.detect.news import heard_of
from agentwatch.detect.reading import Reading, tool_digest
from agentwatch.detect.said import MIN_WORDS, output_of
from agentwatch.detect.state import Scope
from agentwatch.detect.steps import OpenStep, enter_step
from agentwatch.detect.streak import evidence_of, grow
from agentwatch.records import Fingerprint, Level, Observation, ResultClass, Signal
from agentwatch.subject import run_subject

__all__ = ["Cycle", "CycleOptions"]

MAX_LAG = 32
SYMBOLS = 64
PATIENT_FROM = 16  # steps in a round's run from which two foreign steps in a row are tolerated, before it is one
MUTE = 0.5  # factor where no answer in the round says anything (keys pressed, writes confirmed), and for slow rounds
SLOW_STEP_S = 60.0  # steps further apart than this warn at most
MANY_WORDS = 10  # an answer this long that is the same makes a click a few pixels off the same click
_WHOLE = 8
_SIZE = 6  # bytes of a symbol that are kept: one of the ring is taken for another once in 2^42 steps
_KEPT = (1 << 8 * _SIZE) - 1
_ONE_MORE = bytes(min(255, count + 1) for count in range(256))

Rounds = Annotated[int, Meta(ge=2, le=1000)]


class CycleOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Rounds and steps, both at least, to warn and to kill."""

    enabled: bool = True
    warn_rounds: Rounds = 3
    warn_steps: Rounds = 6
    kill_rounds: Rounds = 5
    kill_steps: Rounds = 15


class Cycle:
    """Warns of rounds of equal steps; kills only where most of their answers say something."""

    kind = "cycle"
    ops = learns_from = ("execute_tool", "chat", "message")

    def __init__(self, options: CycleOptions) -> None:
        self.options = options

    def read(self, seen: Observation, state: Scope) -> Signal | None:
        """Judge the event by what was learnt before it."""
        cycle = state.history.cycle
        if cycle is None or not cycle.best:
            return None
        symbol = _symbol(seen, state)
        if not symbol:
            return None
        closed = enter_step(_copy(cycle.step), seen, symbol)
        lag, run = cycle.best, cycle.runs[cycle.best]
        for each in closed:
            if _told(each, seen) & _KEPT != _back(cycle.symbols, lag):
                return None
            run += 1
        if not closed or run + lag < self.options.warn_steps or run < (self.options.warn_rounds - 1) * lag:
            return None
        signal = self._signal(seen, state, cycle, lag, run)
        return signal if signal.strength >= 1.0 else None

    def learn(self, seen: Observation, state: Scope) -> None:
        """Take the event into the speaker's history."""
        symbol = _symbol(seen, state)
        cycle = state.history.cycle
        if not symbol:
            if cycle is not None and state.reading.poll:
                cycle.step.chat = 0  # what announced a poll is no step of its own
            return
        if cycle is None:
            cycle = state.history.cycle = Laps()
        for closed in enter_step(cycle.step, seen, symbol):
            step = closed if seen.event.step is None else _told(closed, seen)
            if cycle.best or cycle.aside:
                _advance(cycle, step)
            else:
                _append(cycle, step)
            if cycle.best and cycle.runs[cycle.best] and not cycle.aside:
                cycle.streak = grow(cycle.streak, seen, state, (step,))

    def _signal(self, seen: Observation, state: Scope, cycle: Laps, lag: int, run: int) -> Signal:
        options = self.options
        steps = run + lag
        rounds = steps / lag
        strength = min(rounds / options.warn_rounds, steps / options.warn_steps)
        kill_at = options.kill_rounds / options.warn_rounds
        if steps < options.kill_steps:
            strength = min(strength, kill_at * 0.99)
        told = sum(cycle.symbols[-_SIZE * back] & 1 for back in range(1, lag + 1))
        found = evidence_of(cycle.streak, seen, state, (), lag)
        slow = (seen.now - found.since) / max(1, found.count) >= SLOW_STEP_S
        if slow or not told:
            strength *= MUTE
        ceiling = Level.warn if slow else Level.kill if told * 2 >= lag else Level.pause
        return Signal(
            kind=self.kind,
            subject=run_subject(state.run.tenant, state.run.app, state.run.run),
            strength=strength,
            kill_at=kill_at,
            ceiling=ceiling,
            confidence=min(0.99, 0.5 + 0.05 * run),
            reason=f"the same {lag} steps with the same answers, {int(rounds)} rounds",
            speaks_for=(f"{run} steps in a row equalled the one {lag} steps before",),
            speaks_against=("the steps are more than a minute apart",) if slow else (),
            evidence=found,
        )


def _symbol(seen: Observation, state: Scope) -> int:
    """Digest what was done and what came of it; the lowest bit says whether the answer says something.

    What is said to something new that others did or said is no step that was made before.
    """
    reading = state.reading
    if reading.call:
        if reading.poll:
            return 0
        result = answer_of(seen)
        told = result is not None and result.klass in (ResultClass.content, ResultClass.error)
        return mix(_call(seen, reading, result), reading.result) & ~1 | told
    output = output_of(seen)
    if reading.said is None or output is None:
        return 0
    told_in = seen.prints.input
    before = heard_of(state) if reading.said.heard else told_in.masked if told_in is not None else 0
    return mix(output.masked, before) & ~1 | (output.words >= MIN_WORDS)


def _call(seen: Observation, reading: Reading, result: Fingerprint | None) -> int:
    """Digest what was called; where a long answer is the same, numbers do not tell one call from another."""
    arguments = seen.prints.arguments
    if arguments is None or result is None or result.words < MANY_WORDS or result.klass is not ResultClass.content:
        return reading.call
    return mix(tool_digest(seen.event.tool), arguments.shape)


def _told(symbol: int, seen: Observation) -> int:
    """Let a numbered step, whose symbol is a digest of many, count as one whose answers say something."""
    return symbol if seen.event.step is None else symbol | 1


def _copy(step: OpenStep) -> OpenStep:
    return OpenStep(step.number, step.at, step.chat, step.members)


def _kept(step: int) -> bytes:
    return step.to_bytes(_WHOLE, "little")[:_SIZE]


def _back(symbols: bytes, lag: int) -> int:
    return int.from_bytes(symbols[-_SIZE * lag : len(symbols) - _SIZE * (lag - 1)], "little")


def _advance(cycle: Laps, step: int) -> None:
    lag = cycle.best
    if lag and cycle.runs[lag] >= lag and step & _KEPT != _back(cycle.symbols, lag):
        cycle.aside += _kept(step)
        allowed = 1 if cycle.runs[lag] < PATIENT_FROM else 2
        if len(cycle.aside) <= allowed * _SIZE:
            return
        waiting, cycle.aside = cycle.aside, b""
        cycle.streak = None
        for at in range(0, len(waiting), _SIZE):
            _append(cycle, int.from_bytes(waiting[at : at + _SIZE], "little"))
        return
    if cycle.aside:
        cycle.aside = b""
    _append(cycle, step)


def _append(cycle: Laps, step: int) -> None:
    """Lengthen the runs of those lags at which this symbol stood before, and end all others."""
    symbols = cycle.symbols
    wanted = _kept(step)
    at = symbols.rfind(wanted)
    if at >= 0:
        _lengthen(cycle, wanted, at)
    elif cycle.runs:
        cycle.runs, cycle.best, cycle.streak = b"", 0, None
    kept = symbols[_SIZE:] if len(symbols) >= SYMBOLS * _SIZE else symbols
    cycle.symbols = kept + wanted


def _lengthen(cycle: Laps, wanted: bytes, at: int) -> None:
    symbols = cycle.symbols
    runs = bytearray(MAX_LAG + 1)
    best = 0
    if cycle.runs and (same := min(cycle.runs[1] + 1, MAX_LAG)) > 1 and at == len(symbols) - _SIZE:
        # that many symbols before were equal to this one, too: the same step over and over, which is the usual loop
        runs[1 : same + 1] = cycle.runs[1 : same + 1].translate(_ONE_MORE)
        best, at = 1, symbols.rfind(wanted, 0, len(symbols) - _SIZE * same)
    while at >= 0:
        lag = (len(symbols) - at) // _SIZE
        if lag > MAX_LAG:
            break
        if at % _SIZE == 0:
            runs[lag] = min(255, cycle.runs[lag] + 1) if cycle.runs else 1
            if not best or runs[lag] > runs[best]:
                best = lag
        at = symbols.rfind(wanted, 0, at + _SIZE - 1)
    cycle.runs = bytes(runs) if best else b""
    cycle.best = 0 if best == 1 else best
    if not cycle.best:
        cycle.streak = None

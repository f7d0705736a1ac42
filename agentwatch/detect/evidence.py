"""The leaky buckets of stale calls that `repeat`, `stagnation` and `failure` share, and how a signal is made of them.

One reading of an event serves all detectors: the bank makes it before it asks them, and takes it into the history
before they learn. Each of the three reports the events that are evidence of its own kind, at the strength of the
buckets together. Hard evidence alone can justify a kill; soft evidence pauses at most.
"""

from agentwatch.counting import counted
from agentwatch.detect.against import answer_of, moved
from agentwatch.detect.calls import read_call
from agentwatch.detect.grade import grade
from agentwatch.detect.history import (
    CALLS,
    FAILED,
    FRESH,
    NEAR,
    NUMBERS,
    WRITE,
    History,
)
from agentwatch.detect.near import Near, kept, same_call
from agentwatch.detect.news import spread
from agentwatch.detect.phrase import learn_phrase, read_phrase
from agentwatch.detect.reading import NOTHING, Reading, tool_digest
from agentwatch.detect.reworded import learn_reworded
from agentwatch.detect.said import learn_said, read_said, worked
from agentwatch.detect.state import Scope
from agentwatch.detect.streak import evidence_of, grow
from agentwatch.records import Observation, Signal
from agentwatch.subject import run_subject

__all__ = ["learn", "read", "signal"]

CAP = 30.0  # buckets hold no more, so that a long loop that ends can be forgotten
FAINT_CAP = 4.0  # how far evidence that warns at most can fill the soft bucket
LEAK = 1.0  # what a novel answer takes off the hard bucket; it empties the soft one
ITEM_LEAK = 0.1
UNLOGGED_LEAK = 1.0  # what a call never made before takes off where the log holds no answers


def read(seen: Observation, scope: Scope) -> None:
    """Read an event against what was learnt before it, into `scope.reading`."""
    event = seen.event
    if seen.own_effect or scope.duplicate or event.status in ("held", "rate_limited"):
        scope.reading = NOTHING
    elif event.op == "execute_tool":
        scope.reading = read_call(seen, scope.history)
    elif event.op in ("chat", "message"):
        said = read_said(seen, scope)
        scope.reading = Reading(said=said, phrase=read_phrase(seen, scope, said))
    else:
        scope.reading = NOTHING


def learn(seen: Observation, scope: Scope) -> None:
    """Take an event that was read into the speaker's history."""
    history, reading = scope.history, scope.reading
    history.index = seen.index
    if reading.call:
        _learn_call(seen, scope, history, reading)
    elif reading.said is not None:
        said = reading.said
        if said.news and (history.hard or history.soft):  # most are 0 already, and another 0.0 would cost
            history.hard, history.soft = history.hard * 0.5, 0.0
        learn_said(seen, scope, said)
        learn_phrase(seen, scope, said, reading.phrase)


def _learn_call(seen: Observation, scope: Scope, history: History, reading: Reading) -> None:
    if seen.event.step is not None and seen.event.step == history.step:
        history.step_calls = min(CALLS, history.step_calls + 1)
    else:
        history.step = -1 if seen.event.step is None else seen.event.step
        history.step_calls = 1
    if history.spoken is not None:
        history.spoken.acted = True
    _fill(seen, scope, history, reading)
    mark = FAILED * reading.failed | WRITE * reading.writes | FRESH * reading.fresh
    history.push(reading.call, reading.result, seen.now, mark)
    if reading.novel or reading.fresh:
        spread(seen, scope)
    if not reading.parallel:
        _learn_near(seen, history, reading)
    if reading.lag:
        history.lag = reading.lag
    if reading.akin:
        _fade(history, reading)
        learn_reworded(seen, history)


def _fill(seen: Observation, scope: Scope, history: History, reading: Reading) -> None:
    if reading.novel:
        worked(scope.run)
        leak = LEAK if reading.result else UNLOGGED_LEAK
        history.fresh += 1
        if history.hard:
            history.hard = max(0.0, history.hard - leak)
        if history.soft:
            all_new = reading.result and not reading.partly
            history.soft = 0.0 if all_new else max(0.0, history.soft - leak)
        if history.streaks is not None and not history.hard and not history.soft:
            history.streaks = None
    elif reading.kind:
        history.hard = min(CAP, history.hard + reading.hard)
        history.soft = max(history.soft, min(FAINT_CAP if reading.faint else CAP, history.soft + reading.soft))
        history.stale += 1
        if history.streaks is None:
            history.streaks = {}
        digests = (reading.call, reading.result)
        history.streaks[reading.kind] = grow(history.streaks.get(reading.kind), seen, scope, digests)


def _fade(history: History, reading: Reading) -> None:
    """Take a little off for one more item of a batch: it names something new, though its answer says nothing."""
    if not reading.kind and not reading.novel:
        history.soft = max(0.0, history.soft - ITEM_LEAK)


def _learn_near(seen: Observation, history: History, reading: Reading) -> None:
    arguments, result = seen.prints.arguments, answer_of(seen)
    found = same_call(reading.call.to_bytes(8, "little"), history.near)
    numbers = result.numbers[:NUMBERS] if result is not None else ()
    near = Near.of(
        tool=tool_digest(seen.event.tool),
        call=reading.call,
        shape=arguments.shape if arguments is not None else 0,
        result=reading.result,
        result_shape=result.shape if result is not None else 0,
        failed=reading.failed,
        arguments=arguments.sketch if arguments is not None else b"",
        answer=result.sketch if result is not None else b"",
        numbers=numbers,
        same=found.same + 1 if found is not None and found.result == reading.result else 1,
        moved=moved(found.numbers, numbers) if found is not None else 0,
    )
    history.near = kept(history.near, near, NEAR)


def signal(kind: str, seen: Observation, scope: Scope, warn: float, kill: float) -> Signal | None:
    """Make the signal of one kind, where this event is its evidence and the buckets together reach `warn`."""
    reading = scope.reading
    if reading.kind != kind:
        return None
    history = scope.history
    hard = history.hard + reading.hard
    total = hard + history.soft + reading.soft
    if total < warn:
        return None
    graded = grade(hard, total, warn, kill)
    streak = (history.streaks or {}).get(kind)
    evidence = evidence_of(streak, seen, scope, (reading.call, reading.result), reading.apart)
    return Signal(
        kind=kind,
        subject=run_subject(scope.run.tenant, scope.run.app, scope.run.run),
        strength=graded.strength,
        kill_at=graded.kill_at,
        ceiling=graded.ceiling,
        confidence=graded.confidence,
        reason=_reason(seen, reading, evidence.count),
        speaks_for=_for(history, reading, hard, total),
        speaks_against=reading.against + _novelty(history),
        evidence=evidence,
    )


def _reason(seen: Observation, reading: Reading, count: int) -> str:
    every = f", every {reading.apart} calls" if reading.apart > 1 else ""
    return f"{seen.event.tool or 'tool'}: {reading.words}{every}, {counted(count, 'time')} so far"


def _for(history: History, reading: Reading, hard: float, total: float) -> tuple[str, ...]:
    found = [reading.words, f"{counted(history.stale + 1, 'call')} of this run brought nothing new"]
    if 0.005 * total < hard < total:  # less would be told as 0%, which speaks for nothing
        found.append(f"{hard / total:.0%} of the evidence is an exact repetition")
    return tuple(found)


def _novelty(history: History) -> tuple[str, ...]:
    return (f"{counted(history.fresh, 'call')} of this run brought something new",) if history.fresh else ()

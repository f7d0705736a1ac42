"""The contract of every detector, as one check that any implementation can be put through.

It reads before it learns and reading changes nothing; it gives the same answers to the same events, also when its
state has been through a checkpoint; its state is bounded; and while the same stale event repeats its evidence does not
shrink.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from agentwatch.detect import evidence
from agentwatch.detect.accounts import account
from agentwatch.detect.options import StateOptions
from agentwatch.detect.population import Population
from agentwatch.detect.snapshot import dump, load
from agentwatch.detect.state import Scope
from agentwatch.fingerprint import fingerprint_batch
from agentwatch.ports import Detector
from agentwatch.records import Event, Observation, Signal
from agentwatch.subject import parse
from agentwatch.testing.shapes import LOOK_ALIKES, LOOPS, STALE, prose
from agentwatch.testing.trace import Trace

__all__ = ["Bench", "check_detector", "observations"]

STATE_BYTES = 16 * 1024
_DISTINCT = 400
_encode = msgspec.msgpack.Encoder().encode


def observations(events: Sequence[Event]) -> list[Observation]:
    """Fingerprint and price events as the pipeline would; `now` is the highest time so far."""
    found: list[Observation] = []
    now = 0.0
    for index, (event, prints) in enumerate(zip(events, fingerprint_batch(events), strict=True)):
        now = max(now, event.ts)
        cost = None if event.cost_usd is None else round(float(event.cost_usd) * 1e9)
        found.append(Observation(index, f"{index + 1}-0", now, event, prints, cost))
    return found


class Bench:
    """One detector over state of its own: feeds observations the way the bank does."""

    def __init__(self, detector: Detector[Scope]) -> None:
        self.detector = detector
        self.population = Population(StateOptions())

    def feed(self, seen: Observation) -> Signal | None:
        """Admit, count, read and learn one observation."""
        scope = self.admit(seen)
        signal = self.detector.read(seen, scope)
        self.learn(seen, scope)
        return signal

    def admit(self, seen: Observation) -> Scope:
        """Find the observation's state, count it and read it, as the bank does before it asks a detector."""
        scope = self.population.admit(seen.event, seen.index)
        account(seen, scope)
        evidence.read(seen, scope)
        return scope

    def learn(self, seen: Observation, scope: Scope) -> None:
        """Take the observation in, as the bank does: the history that all detectors share, then the detector."""
        evidence.learn(seen, scope)
        self.detector.learn(seen, scope)

    def feed_all(self, stream: Sequence[Observation]) -> list[Signal | None]:
        """Feed many; one answer each."""
        return [self.feed(seen) for seen in stream]

    def encoded(self) -> bytes:
        """Encode the whole state, as a checkpoint would."""
        return b"".join(dump(self.population, 0))

    def reload(self) -> None:
        """Put the state through a checkpoint."""
        population = Population(self.population.options)
        load(population, list(dump(self.population, 0)))
        self.population = population


def check_detector(
    make: Callable[[], Detector[Scope]],
    shapes: Mapping[str, Callable[[], Sequence[Event]]] | None = None,
    *,
    state_bytes: int = STATE_BYTES,
) -> None:
    """Put a detector through the contract on every shape. Raises `AssertionError` that says which clause failed.

    make: gives a new detector each time it is called. shapes: traces by name, by default all known loops and
    look-alikes. state_bytes: the most that its state for one run may take when encoded.
    """
    for name, shape in (shapes or {**LOOPS, **LOOK_ALIKES}).items():
        stream = observations(shape())
        _check_reading(make, name, stream)
        _check_answers(make, name, stream)
    _check_bounds(make, state_bytes)
    _check_monotone(make)


def _check_reading(make: Callable[[], Detector[Scope]], name: str, stream: Sequence[Observation]) -> None:
    bench = Bench(make())
    for seen in stream:
        scope = bench.admit(seen)
        before = bench.encoded()
        first = bench.detector.read(seen, scope)
        again = bench.detector.read(seen, scope)
        _expect(bench.encoded() == before, f"{name}: reading event {seen.index} changed the state")
        _expect(first == again, f"{name}: reading event {seen.index} twice gave two answers")
        bench.learn(seen, scope)
        if first is not None:
            _check_signal(bench.detector, first, name)


def _check_signal(detector: Detector[Scope], signal: Signal, name: str) -> None:
    _expect(signal.kind == detector.kind, f"{name}: a {detector.kind} detector gave a signal of kind {signal.kind}")
    _expect(signal.strength > 0.0, f"{name}: strength {signal.strength} is not above 0")
    _expect(signal.kill_at > 1.0, f"{name}: kill_at {signal.kill_at} is not above the warning's 1.0")
    _expect(0.0 <= signal.confidence <= 1.0, f"{name}: confidence {signal.confidence} is not within 0..1")
    _expect(bool(signal.reason), f"{name}: a signal without a reason")
    parse(signal.subject)


def _check_answers(make: Callable[[], Detector[Scope]], name: str, stream: Sequence[Observation]) -> None:
    one, two, reloaded = Bench(make()), Bench(make()), Bench(make())
    answers = one.feed_all(stream)
    _expect(two.feed_all(stream) == answers, f"{name}: the same events gave other answers")
    _expect(one.encoded() == two.encoded(), f"{name}: the same events gave another state")
    half = len(stream) // 2
    resumed = reloaded.feed_all(stream[:half])
    reloaded.reload()
    # A restart reads its events anew: nothing may hang on the identity of what was seen before it.
    later = msgspec.msgpack.decode(_encode(stream[half:]), type=list[Observation])
    resumed += reloaded.feed_all(later)
    _expect(resumed == answers, f"{name}: a checkpoint in the middle changed the answers")
    _expect(reloaded.encoded() == one.encoded(), f"{name}: a checkpoint in the middle changed the state")


def _check_bounds(make: Callable[[], Detector[Scope]], state_bytes: int) -> None:
    trace = Trace()
    for at in range(_DISTINCT):
        trace.call(f"tool{at % 40}", {"text": prose(at, 8)}, prose(at + 10_000), step=at)
        trace.say(prose(at + 20_000), told=prose(at + 30_000))
        trace.send(f"agent{at % 20}", prose(at + 40_000), agent=f"agent{(at + 1) % 20}")
    stream = observations(trace.events)
    bench = Bench(make())
    bench.feed_all(stream[: len(stream) // 2])
    half = len(bench.encoded())
    bench.feed_all(stream[len(stream) // 2 :])
    grown = len(bench.encoded()) - half
    _expect(grown <= state_bytes // 8, f"state grew by {grown} bytes over {len(stream) // 2} more distinct events")
    speakers = max(len(run.speakers) for app in bench.population.apps.values() for run in app.runs.values())
    _expect(half + grown <= state_bytes * (speakers + 1), f"state takes {half + grown} bytes for one run")


def _check_monotone(make: Callable[[], Detector[Scope]]) -> None:
    for name, shape in STALE.items():
        bench = Bench(make())
        strength = 0.0
        for seen in observations(shape(48)):
            signal = bench.feed(seen)
            now = signal.strength if signal is not None else 0.0
            _expect(now >= strength, f"{name}: strength fell from {strength} to {now} at repeat {seen.index}")
            strength = now


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)

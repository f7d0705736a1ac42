"""What detectors declare of themselves is true: asked and told of every event, they would say the same."""

from collections.abc import Callable, Sequence

import pytest

from agentwatch.detect.bank import Bank, build
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.detect.state import Scope
from agentwatch.ports import Detector
from agentwatch.records import Event, Observation, Signal
from agentwatch.testing.detectors import observations
from agentwatch.testing.scenarios import SCENARIOS
from agentwatch.testing.shapes import LOOK_ALIKES, LOOPS

OPTIONS = DetectOptions()


class Bare:
    """A detector without what it declares, but for what it hears of silence."""

    def __init__(self, detector: Detector[Scope]) -> None:
        self.kind = detector.kind
        self.read = detector.read
        self.learn = detector.learn
        self.hears_silence = getattr(detector, "hears_silence", False)


class AskingAll(Bank):
    """Asks every detector about every event, and tells each of all."""

    def _detectors(self, options: DetectOptions) -> tuple[Detector[Scope], ...]:
        return tuple(Bare(one) for one in build(options))


def heard(bank: Bank, stream: Sequence[Observation]) -> tuple[list[list[Signal]], list[bytes]]:
    said = [bank.observe(seen, bank.admit(seen.event, seen.index), OPTIONS) for seen in stream]
    return said, list(bank.snapshot())


@pytest.mark.parametrize("shape", [*LOOPS.values(), *LOOK_ALIKES.values()], ids=[*LOOPS, *LOOK_ALIKES])
def test_declarations_of_shapes(shape: Callable[[], Sequence[Event]]) -> None:
    stream = observations(shape())
    assert heard(Bank(StateOptions()), stream) == heard(AskingAll(StateOptions()), stream)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_declarations_of_scenarios(scenario) -> None:
    stream = observations(scenario.make(3).events)
    assert heard(Bank(StateOptions()), stream) == heard(AskingAll(StateOptions()), stream)

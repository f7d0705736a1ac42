"""What a scenario is: a name, whether it is a loop, and a way to make its events from a seed."""

import random
from collections.abc import Callable

from msgspec import Struct

from agentwatch.records import Event
from agentwatch.testing.scenarios.bystanders import add_bystanders
from agentwatch.testing.scenarios.delivery import deliver
from agentwatch.testing.scenarios.forms import Form, in_form
from agentwatch.testing.scenarios.stage import Pace, Stage
from agentwatch.testing.scenarios.style import style_of
from agentwatch.testing.scenarios.writer import Writer

__all__ = ["Form", "Pace", "Played", "Scenario", "loop", "twin"]


class Played(Struct, frozen=True, kw_only=True):
    """One scenario as it reaches agentwatch.

    events: in the order of delivery. onset: index of the first event that repeats with nothing new (-1 in a twin).
    suspects: the runs that the loop, or what looks like one, is made of; all others are innocent bystanders.
    """

    name: str
    seed: int
    events: list[Event]
    onset: int
    suspects: frozenset[str]


class Scenario(Struct, frozen=True, kw_only=True):
    """One shape of behaviour.

    kinds: the detectors that may be expected to notice it, as a hint. about: the shape in one line. alone: without
    innocent runs of the same app beside it, where their number would matter to the shape.
    """

    name: str
    loop: bool
    about: str
    play: Callable[[Stage], None]
    kinds: tuple[str, ...] = ()
    alone: bool = False

    def make(self, seed: int, form: Form = "text", pace: Pace | None = None) -> Played:
        """Play it. Everything follows from the seed; without a pace, odd seeds are slow; every fourth log has gaps."""
        chosen: Pace = pace or ("slow" if seed % 2 else "fast")
        rng = random.Random(f"{self.name}/{seed}")  # noqa: S311  # chance that repeats is what is wanted
        stage = Stage(Writer(rng), style_of(rng, gaps=seed % 4 >= 2), chosen)
        self.play(stage)
        if not self.alone and rng.random() < 0.6:
            add_bystanders(stage)
        events = deliver(stage)
        onset = next((at for at, event in enumerate(events) if event.id == stage.onset_id), -1)
        return Played(
            name=self.name,
            seed=seed,
            events=[in_form(event, form) for event in events],
            onset=onset if self.loop else -1,
            suspects=frozenset(stage.suspects),
        )


def loop(play: Callable[[Stage], None], about: str, *kinds: str, alone: bool = False) -> Scenario:
    """Name a loop after the function that plays it."""
    return Scenario(name=_name(play), loop=True, about=about, play=play, kinds=kinds, alone=alone)


def twin(play: Callable[[Stage], None], about: str, *kinds: str, alone: bool = False) -> Scenario:
    """Name a benign twin after the function that plays it; `kinds` are the detectors that it tempts."""
    return Scenario(name=_name(play), loop=False, about=about, play=play, kinds=kinds, alone=alone)


def _name(play: Callable[[Stage], None]) -> str:
    return str(getattr(play, "__name__", play))

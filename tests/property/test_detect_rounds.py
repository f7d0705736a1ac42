"""Compiled and pure detection stay one where agents go round: in calls and rounds that come again, numbered or not.

Rounds of several lengths are gone through with other things between, in one run or in several by turns; calls change a
little, fail, find nothing, wait longer each time, and steps go back, are missing, or are far too large.
"""

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agentwatch.detect.kernel import kernel_form
from agentwatch.records import Event, Fingerprint, Prints, ResultClass
from tests.both_forms import KEPT, TOP, Makes, play

pytestmark = pytest.mark.skipif(not kernel_form(), reason="there is no compiled form here")
PAUSES = (0.0, 0.01, 0.5, 1.0, 2.0, 4.0, 5.0, 9.0, 11.0, 61.0, 130.0)
ERRORS = ("boom 12", "boom 13", "429 too many requests", "the service is overloaded", "boom", "")
TOOLS = ("search", "fetch_page", "set_value", "click", "bash", "écrire", "")


class Rounds(Makes):
    """Makes events most of which were made before, at a few lags."""

    def __init__(self, seed: int, *, rough: bool) -> None:
        super().__init__(seed, rough=rough)
        choice = self.random.choice
        self.lags = [choice((1, 1, 1, 2, 3, 5, 8, 32, 33)) for _ in range(choice((1, 2)))]
        self.again = choice((0.5, 0.8, 0.95, 1.0))
        self.changes = choice((0.0, 0.1, 0.3, 0.7))
        self.numbered = choice((0.0, 0.3, 1.0))
        self.members = choice((1, 1, 2, 3))  # calls in a step
        self.longer = choice((1.0, 1.0, 1.0, 1.4, 2.0))  # times the pause before
        self.pause = choice(PAUSES)
        self.klass = choice((*ResultClass, ResultClass.content, ResultClass.content))
        self.failing = choice((0.0, 0.0, 0.3, 1.0))

    def event(self) -> tuple[Event, Prints]:
        """Give one more event: most often one of before, more or less as it was."""
        random, choice = self.random, self.random.choice
        lag = choice(self.lags)
        self.count += 1
        self.now += self.pause if random.random() < 0.7 else choice(PAUSES)
        self.pause = min(5000.0, self.pause * self.longer) if random.random() < 0.9 else choice(PAUSES)
        if len(self.past) >= lag and random.random() < self.again:
            event, prints = self.past[-lag]
            event, prints = self.changed(event, prints)
        else:
            event, prints = self.new()
            if event.op == "execute_tool":
                event, prints = replace(event, tool=choice(TOOLS)), self.typical(prints)
        event = replace(event, id=f"e{self.count}", ts=self.now, step=self.step())
        self.past.append((event, prints))
        return event, prints

    def step(self) -> int | None:
        """Number a step: mostly one after the other, some back, some missing, some out of all bounds."""
        if self.random.random() >= self.numbered:
            return None
        if self.rare():
            return self.random.choice((0, 1, -1, -7, self.count // 4, 2**31, 2**63 - 1, 2**63, 2**64 - 1))
        return self.count // self.members

    def typical(self, prints: Prints) -> Prints:
        """Let an answer be of this stream's kind."""
        if prints.result is None or self.rare(2):
            return prints
        return replace(prints, result=replace(prints.result, klass=self.klass))

    def changed(self, event: Event, prints: Prints) -> tuple[Event, Prints]:
        """Change this and that of an event, or nothing."""
        random, choice = self.random, self.random.choice
        if event.op == "execute_tool" and random.random() < self.failing:
            event = replace(event, status=choice((None, None, "error", "denied")), error=choice(ERRORS))
        if self.rare(6):
            event = replace(event, status=choice((None, "ok", "empty")), error=None, tool=choice(TOOLS))
        if self.rare(6):
            event = replace(event, run=choice(self.runs), op=choice((event.op, "message")))
        names = [name for name in prints.__struct_fields__ if getattr(prints, name) is not None]
        if names and random.random() < self.changes:
            name = choice(names)
            prints = replace(prints, **{name: self.another(getattr(prints, name))})
        return event, prints

    def another(self, print_: Fingerprint) -> Fingerprint | None:
        """Give a fingerprint that is like another, as a text is that differs in its numbers, in a word, or wholly."""
        random, choice = self.random, self.random.choice
        sketch = print_.sketch
        if sketch:
            kept = choice(KEPT)
            sketch = sketch[:kept] + bytes(random.randrange(256) for _ in sketch[kept:])
        fresh = random.getrandbits(64)
        numbers = tuple(one + choice((0.0, 1.0, -1.0, 0.5)) for one in print_.numbers)
        return choice(
            (
                None,
                replace(print_, exact=fresh, masked=fresh, numbers=numbers),
                replace(print_, exact=fresh, masked=fresh, numbers=numbers, sketch=sketch),
                replace(print_, exact=fresh, masked=fresh, shape=fresh & TOP >> 1, sketch=sketch),
                replace(print_, words=choice((0, 1, 3, 4, 5, 6, 8, 9, 10, 50)), exact=fresh),
                replace(print_, klass=choice(tuple(ResultClass))),
                replace(print_, size=choice((0, 1, 100))),
                self.print(),
            )
        )


@given(st.integers(0, 1 << 60), st.booleans())
@settings(max_examples=100, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
def test_rounds_lead_to_the_same(seed: int, rough: bool) -> None:
    play(seed, 100, rough=rough, kind=Rounds)

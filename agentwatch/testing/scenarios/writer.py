"""Writes all the texts of a scenario from one seeded source: sentences, names, numbers, paths, ids."""

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from agentwatch.testing.scenarios import vocabulary as words

__all__ = ["Writer"]

Picked = TypeVar("Picked")

_SENTENCES: tuple[Callable[["Writer"], str], ...] = (
    lambda w: f"The {w.adjective()} {w.noun()} {w.verb()} the {w.noun()} of {w.company()}.",
    lambda w: f"{w.person()} {w.verb()} {w.number(2, 90)} of the {w.adjective()} {w.noun()} entries each {w.noun()}.",
    lambda w: f"In {w.place()} the {w.noun()} {w.verb()} a {w.adjective()} {w.noun()}, and the {w.noun()} follows.",
    lambda w: (
        f"Since the {w.adjective()} {w.noun()} of {w.number(1998, 2025)}, {w.company()} {w.verb()} its {w.noun()}."
    ),
    lambda w: f"A {w.adjective()} {w.noun()} in the {w.noun()} {w.verb()} neither the {w.noun()} nor the {w.noun()}.",
    lambda w: f"About {w.number(3, 97)} % of the {w.noun()} in {w.place()} {w.verb()} the {w.adjective()} {w.noun()}.",
    lambda w: f"Unless a {w.noun()} {w.verb()} it, the {w.adjective()} {w.noun()} stays with {w.person()}.",
    lambda w: f"Each {w.noun()} {w.verb()} one {w.adjective()} {w.noun()}; {w.company()} {w.verb()} the rest.",
    lambda w: f"{w.company()} {w.verb()} the {w.noun()} for {w.number(12, 980)} {w.noun()} units near {w.place()}.",
    lambda w: f"Where the {w.noun()} is {w.adjective()}, the {w.noun()} {w.verb()} twice what {w.place()} {w.verb()}.",
    lambda w: f"No {w.noun()} was found that {w.verb()} the {w.adjective()} {w.noun()} before the {w.noun()}.",
    lambda w: f"The {w.noun()} and the {w.noun()} differ: one {w.verb()} a {w.noun()}, the other is {w.adjective()}.",
)
_THOUGHTS: tuple[Callable[["Writer"], str], ...] = (
    lambda w: f"Next I look at the {w.adjective()} {w.noun()}, because the {w.noun()} {w.verb()} it.",
    lambda w: f"That explains the {w.noun()}. I still need the {w.adjective()} {w.noun()} for {w.company()}.",
    lambda w: (
        f"Let me see whether the {w.noun()} {w.verb()} the {w.noun()} before I touch the {w.adjective()} {w.noun()}."
    ),
    lambda w: f"Good. With the {w.noun()} done, the {w.adjective()} {w.noun()} of {w.person()} comes next.",
    lambda w: f"The {w.noun()} looks {w.adjective()}; to be sure I compare it with the {w.noun()} in {w.place()}.",
    lambda w: f"I have the {w.noun()}. Now the {w.noun()} that {w.verb()} the {w.adjective()} {w.noun()}.",
    lambda w: f"First the {w.adjective()} {w.noun()}, then the {w.noun()}; the {w.noun()} can wait.",
    lambda w: f"So the {w.noun()} is not {w.adjective()} after all. Checking what {w.verb()} the {w.noun()}.",
)


class Writer:
    """Everything random in a scenario comes from `rng`, in the order in which it is asked for."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def one(self, among: Sequence[Picked]) -> Picked:
        """Pick one."""
        return self.rng.choice(among)

    def some(self, among: Sequence[Picked], count: int) -> list[Picked]:
        """Pick different ones."""
        return self.rng.sample(among, count)

    def chance(self, share: float) -> bool:
        """Be true in this share of cases."""
        return self.rng.random() < share

    def number(self, low: int, high: int) -> int:
        """Pick a number, both ends included."""
        return self.rng.randint(low, high)

    def noun(self) -> str:
        """Pick a noun."""
        return self.rng.choice(words.NOUNS)

    def verb(self) -> str:
        """Pick a verb in the third person."""
        return self.rng.choice(words.VERBS)

    def adjective(self) -> str:
        """Pick an adjective."""
        return self.rng.choice(words.ADJECTIVES)

    def company(self) -> str:
        """Pick an invented company."""
        return self.rng.choice(words.COMPANIES)

    def place(self) -> str:
        """Pick a town."""
        return self.rng.choice(words.PLACES)

    def person(self) -> str:
        """Make a full name."""
        return f"{self.rng.choice(words.GIVEN)} {self.rng.choice(words.SURNAMES)}"

    def topic(self) -> str:
        """Pick something to inquire into."""
        return self.rng.choice(words.TOPICS)

    def sentence(self) -> str:
        """Write one sentence that reads like prose and says nothing."""
        return self.rng.choice(_SENTENCES)(self)

    def prose(self, low: int = 2, high: int = 6) -> str:
        """Write a paragraph of some sentences."""
        return " ".join(self.sentence() for _ in range(self.rng.randint(low, high)))

    def thought(self) -> str:
        """Write what a model says between two calls."""
        return " ".join(self.rng.choice(_THOUGHTS)(self) for _ in range(self.rng.choice((1, 1, 1, 2, 2, 3))))

    def digits(self, count: int) -> str:
        """Make a number with so many digits that does not begin with 0."""
        return str(self.rng.randint(10 ** (count - 1), 10**count - 1))

    def token(self, count: int = 8) -> str:
        """Make so many hexadecimal digits."""
        return f"{self.rng.getrandbits(4 * count):0{count}x}"

    def uuid(self) -> str:
        """Make a random UUID."""
        drawn = f"{self.rng.getrandbits(128):032x}"
        return f"{drawn[:8]}-{drawn[8:12]}-4{drawn[13:16]}-a{drawn[17:20]}-{drawn[20:]}"

    def path(self, ending: str = "py") -> str:
        """Make a path of a file in a project."""
        folder = f"{self.one(('src', 'app', 'lib', 'services'))}/{self.one(words.MODULES)}"
        return f"{folder}/{self.noun()}_{self.noun()}.{ending}"

    def url(self) -> str:
        """Make an address on an example site."""
        return f"https://{self.company().lower()}.example/{self.noun()}/{self.noun()}-{self.number(10, 999)}"

    def code(self, prefix: str) -> str:
        """Make a case number such as `INV-48213`."""
        return f"{prefix}-{self.number(10000, 99999)}"

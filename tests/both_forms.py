"""Makes odd events and plays them through both forms of detection, with a restart and rings of other sizes on the way.

The events are made of parts that a producer could send as digests, so that likeness, numbers and sizes lie at every
threshold. Both forms must answer alike, fail alike, and hold the same state byte for byte.
"""

from random import Random

from msgspec.structs import replace

from agentwatch.detect.bank import Bank
from agentwatch.detect.kernel import _bins
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.records import Event, Fingerprint, Observation, Prints, ResultClass

__all__ = ["KEPT", "TOP", "Makes", "play"]

OPTIONS = DetectOptions()
TOP = (1 << 64) - 1
WORDS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 19, 20, 49, 50, 51, 400)
NUMBERS = (0.0, -0.0, 1.0, 41.0, 42.0, 0.5, 2147483647.0, 2147483648.0, -2147483648.0, -2147483649.0, 1e300)
ODD_NUMBERS = (float("nan"), float("inf"), 1e18)
SELDOM = ("message", "compact", "heartbeat", "run_start", "run_end", "invoke_agent")
OPS = ("chat",) * 4 + ("execute_tool",) * 8 + SELDOM
STATUSES = (None,) * 12 + ("ok", "ok", "empty", "error", "denied", "rate_limited", "held")
TRIGGERS = (None,) * 12 + ("tool", "agent", "schedule", "human")
# Bins in which a sketch is equal to one of few: at each threshold of likeness, one less, one more, and all.
KEPT = [bins + off for bins in map(_bins, (0.3, 0.5, 0.7, 0.8)) for off in (-1, 0, 1)] + [64] * 6
GAPS = (-3.0, 59.0, 60.0, 61.0, 70.0, 600.0, 601.0, 700.0, 1800.0, 1801.0, 2000.0, 86400.0)
TOOLS = ("search", "écrire", "日本", "", "set_value")


class Sly(int):
    """A number as no decoder gives one: it runs code where it is added."""

    def __radd__(self, other: int) -> int:
        return int(other) + int(self)


class Makes:
    """Makes events of one seed; `rough` makes most of them odd in some way, else most are ordinary ones."""

    def __init__(self, seed: int, *, rough: bool) -> None:
        self.random = Random(seed)
        self.rough = rough
        self.now = 1000.0
        self.count = 0
        self.alike = self.random.choice((0.1, 0.5, 0.9))  # share of texts that are like one of a few
        self.base = [self.random.randbytes(64) for _ in range(self.random.choice((1, 3)))]
        self.past: list[tuple[Event, Prints]] = []
        self.runs = ["r1", "r2", "bot", "r3", "r4"][: self.random.choice((1, 2, 5))]

    def rare(self, often: int = 12) -> bool:
        """Tell whether something odd is to be made now."""
        return self.random.randrange(often if self.rough else often * 8) == 0

    def digest(self) -> int:
        """Give a digest that is new, or one of few, or one at the end of what there is."""
        if self.rare(6):
            return self.random.choice((0, 1, TOP, 1 << 63, *range(2, 9)))
        return self.random.getrandbits(64)

    def sketch(self) -> bytes:
        """Give a sketch that is as alike to one of a few as chance wants, a new one, or none."""
        if self.rare(6):
            return b""
        if self.random.random() > self.alike:
            return self.random.randbytes(64)
        kept, of = self.random.choice(KEPT), self.random.choice(self.base)
        return of[:kept] + bytes(each ^ self.random.randrange(1, 256) for each in of[kept:])

    def print(self) -> Fingerprint | None:
        """Give the fingerprint of a text, or of none."""
        if self.rare(6):
            return None
        choice = self.random.choice
        klass = ResultClass.content if not self.rare(3) else choice(tuple(ResultClass))
        klass = klass if not self.rare() else klass.value
        numbers = tuple(choice(NUMBERS) for _ in range(self.random.randrange(5)))
        if self.rare():
            numbers = (*numbers, choice(ODD_NUMBERS))
        size = choice((0, 1, 10, 100, 109, 110, 111, 10**6))
        some = sorted(self.random.sample(range(60), choice((0, 11, 12, 20)))) if self.rare(2) else []
        pieces = b"".join(each.to_bytes(2, "big") for each in some)
        return Fingerprint(
            *(self.digest(), self.digest(), self.digest(), size, choice(WORDS), klass, self.sketch(), numbers),
            pieces=pieces,
        )

    def event(self) -> tuple[Event, Prints]:
        """Give one more event: a new one, or one of the latest under another id."""
        choice, rare = self.random.choice, self.rare
        self.count += 1
        self.now += choice((0.0, 0.01, 0.5, 2.0, 11.0)) if not rare() else choice(GAPS)
        if self.past and rare(2):
            event, prints = choice(self.past[-5:])
            event = replace(event, id=f"e{self.count}" + "-" * choice((0, 20, 150, 500)), ts=self.now)
        else:
            event, prints = self.new()
        self.past.append((event, prints))
        return event, prints

    def new(self) -> tuple[Event, Prints]:
        """Give a new event, with its fingerprints; some of its values are not what a decoder would let in."""
        choice, rare = self.random.choice, self.rare
        op = choice(OPS)
        tool, run = op == "execute_tool", choice(self.runs)
        event = Event(
            id=f"e{self.count}" if not rare() else f"e{max(0, self.count - 3)}",
            ts=self.now if not rare() else choice((int(self.now), float("nan"), -1.0, 0.0)),
            tenant="default",
            app="app" if not rare(30) else choice(("bot", "other")),
            agent="bot" if not rare() else choice(("clerk", "écrivain")),
            run=run,
            root_run=run if not rare(6) else choice(("r1", "r2", "gone")),
            parent_run="" if not rare() else choice(("r2", "r3", "gone")),
            op=op if not rare() else "".join(op),
            model=choice(("m1", "m1", "", "m2")) if rare(4) else "m1",
            task="t" if rare() else "",
            team=choice(("ops", "dev")) if rare() else "",
            user="u1" if rare() else "",
            epoch=choice((0, 3, 2**40)) if rare() else None,
            handles={"pid": "1"} if rare() else None,
            step=choice((0, 1, self.count // 2, self.count // 3, 2**63)) if rare(4) else None,
            trigger=choice(TRIGGERS) if rare(2) else None,
            status=choice(STATUSES) if rare(2) else None,
            error=choice(("boom", "", "429 too many requests")) if rare() else None,
            tool=choice(TOOLS) if tool else "",
            to_agent=choice(("bot", "clerk")) if op == "message" and rare(2) else "",
            input_tokens=choice((None, 0, 100, 2**40)),
            output_tokens=choice((None, 0, 7)) if not rare() else choice((Sly(7), True)),
            documents=["d1"] if rare() else None,
            interval_s=choice((60.0, 600.0)) if rare() else None,
        )
        spoken = (self.print(), self.print()) if not tool else (None, None)
        called = (self.print(), self.print()) if tool else (None, None)
        return event, Prints(*spoken, *called)


def answers(bank: Bank, index: int, event: Event, prints: Prints, cost: int | None, own: bool) -> object:
    """What an event leads to, or how it fails."""
    try:
        scope = bank.admit(event, index)
        seen = Observation(index, f"{index}-0", scope.app.clock, event, prints, cost, own)
        return bank.observe(seen, scope, OPTIONS), repr(scope.reading)
    except Exception as error:  # noqa: BLE001  # whatever it is, the other form must fail alike
        return repr(error)


def foresee(bank: Bank, coming: list[tuple[Event, Prints]], makes: Makes) -> None:
    """Tell a bank what comes next; rarely other events come."""
    told = [one for one in coming if not makes.rare(60)] if makes.rare() else coming
    bank.foresee([event for event, _ in told], [prints for _, prints in told])


def stretch(bank: Bank, times: int, odd: bytes) -> None:
    """Let every ring be longer than any, as another version's could be, or end amid an entry, as none should."""
    for app in bank.population.apps.values():
        for run in app.runs.values():
            for history in run.histories():
                history.calls = history.calls * times + odd
                history.near *= times
                if history.cycle is not None:
                    history.cycle.symbols = history.cycle.symbols * times + odd
                if history.spoken is not None:
                    history.spoken.inputs = history.spoken.inputs * times + odd
                    history.spoken.outputs = history.spoken.outputs * times + odd
                    history.spoken.sketches = history.spoken.sketches * times + odd
            run.recent += odd


def state(bank: Bank) -> bytes:
    return b"".join(bank.snapshot())


def play(seed: int, count: int, *, rough: bool, kind: type[Makes] = Makes) -> None:
    """Play one stream through both forms, and through a restart of each from what the other held."""
    makes = kind(seed, rough=rough)
    options = StateOptions(max_runs=4, max_speakers=2, duplicate_events=makes.random.choice((1, 8, 256)))
    compiled, pure = Bank(options), Bank(options, pure=True)
    restart, longer = makes.random.randrange(count), makes.random.randrange(count * 3)
    made = [makes.event() for _ in range(count)]
    foretold = makes.random.choice((1, 5, 20, count))
    for index, (event, prints) in enumerate(made):
        if index % foretold == 0:
            foresee(compiled, made[index : index + foretold], makes)
        cost, own = makes.random.choice((None, 0, 12345, 10**12)), makes.rare()
        found = answers(compiled, index, event, prints, cost, own)
        assert found == answers(pure, index, event, prints, cost, own), (seed, index, event)
        if index == longer:
            times, odd = makes.random.choice((1, 2, 5, 9, 40)), makes.random.choice((b"", b"", b"\x01", b"odd end"))
            stretch(compiled, times, odd)
            stretch(pure, times, odd)
        if index == restart:
            held = state(compiled), state(pure)
            assert held[0] == held[1], (seed, index)
            compiled.restore([held[1]])
            pure.restore([held[0]])
        elif index % 7 == 0:
            assert state(compiled) == state(pure), (seed, index, event)
    assert state(compiled) == state(pure), seed

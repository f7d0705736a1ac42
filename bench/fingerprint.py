"""What a fingerprint costs: microseconds of CPU a text, in batches of new texts, of known texts, and one by one.

`batch`, `known` and `digests` are of the form that runs, `pure` is `batch` without the compiled form, and `one` is the
path of one text, which producers use.
"""

import argparse
import random
import time
from collections.abc import Callable

import msgspec

from agentwatch.fingerprint import Fingerprinter, FingerprintOptions, fingerprint_text
from agentwatch.fingerprint.compiled import form_name
from agentwatch.records import Event
from bench.workload import workload

SIZES = {"20 B": 20, "200 B": 200, "1 KB": 1024, "8 KB": 8192}
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def texts_of(size: int, count: int, numbers: float, draw: random.Random) -> list[str]:
    """Make prose-like texts; `numbers` is the part of the words that are numbers."""
    vocabulary = ["".join(draw.choices(LETTERS, k=draw.randint(2, 9))) for _ in range(3000)]

    def word() -> str:
        return str(draw.randrange(100_000)) if draw.random() < numbers else draw.choice(vocabulary)

    return [" ".join(word() for _ in range(size // 5 + 1))[:size] for _ in range(count)]


def per_text(work: Callable[[], object], count: int, repeats: int = 5) -> float:
    """Return the least CPU time of some repeats, in microseconds a text."""
    least = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        work()
        least = min(least, time.process_time() - start)
    return least / count * 1e6


def in_batches(events: list[Event], batch: int, *, pure: bool) -> None:
    maker = Fingerprinter(pure=pure)
    for at in range(0, len(events), batch):
        maker.batch(events[at : at + batch])


def of_events(batch: int) -> None:
    """Print the cost of whole events as the daemon's benchmark has them, two texts each, nearly all new."""
    for size in (300, 1024, 4096):
        made = workload(4 * batch, runs=400, size=size, looping=0.01, start=1_790_000_000.0)
        events = [msgspec.json.decode(data, type=Event) for data in made]
        costs = [per_text(lambda e=events, p=pure: in_batches(e, batch, pure=p), len(events)) for pure in (False, True)]
        print(f"an event of {size} B: {costs[0]:.1f} µs {form_name()}, {costs[1]:.1f} µs pure")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=500, help="events a batch")
    batch = parser.parse_args().batch
    draw = random.Random(1)
    of_events(batch)
    names = ("batch", "known", "digests", "pure", "one")
    print(f"\n{'text':>8} {'numbers':>8} {'field':>9} " + " ".join(f"{name:>8}" for name in names) + "   µs CPU a text")
    for numbers in (0.0, 0.03, 0.3):
        for name, size in SIZES.items():
            texts = texts_of(size, batch, numbers, draw)
            for field in ("output", "result"):
                events = [Event(agent="bench", **{field: text}) for text in texts]
                warm = Fingerprinter()
                warm.batch(events)
                plain = FingerprintOptions(sketch_fields=())
                few = texts[:50]
                cells = (
                    per_text(lambda e=events: Fingerprinter().batch(e), batch),
                    per_text(lambda e=events, w=warm: w.batch(e), batch),
                    per_text(lambda e=events, p=plain: Fingerprinter(p).batch(e), batch),
                    per_text(lambda e=events: Fingerprinter(pure=True).batch(e), batch),
                    per_text(lambda f=few, r=field == "result": [fingerprint_text(t, result=r) for t in f], len(few)),
                )
                print(f"{name:>8} {numbers:>8.0%} {field:>9} " + " ".join(f"{cell:>8.1f}" for cell in cells))


if __name__ == "__main__":
    main()

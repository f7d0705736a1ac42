"""`kill -9` of the daemon, again and again: at every boundary of what it asks Redis for, and at any instant."""

import random
import time
from collections import Counter
from collections.abc import Sequence

from tests.chaos.account import Account
from tests.chaos.proxy import LABELS, Fault, Moment
from tests.chaos.stage import Kit, Stage, stage

__all__ = ["MOMENTS", "Killing", "killed", "plan"]

MOMENTS: tuple[Moment, ...] = ("before", "half", "unanswered", "answered")
_FRESH = 10  # each tenth life is started with all its imports
_WAIT_S = 6.0  # for a boundary that may not come in this life
Kill = tuple[str, Moment] | None  # None: at any instant


def plan(kills: int, seed: int) -> list[Kill]:
    """Spread kills evenly over all boundaries, with as many at any instant as at one kind of request."""
    chance = random.Random(seed)
    every: list[Kill] = [(label, moment) for label in LABELS for moment in MOMENTS]
    every += [None] * len(MOMENTS)
    found: list[Kill] = []
    while len(found) < kills:
        found += chance.sample(every, len(every))
    return found[:kills]


class Killing:
    """Kills the daemon of a stage again and again; `done` counts by boundary."""

    def __init__(self, on: Stage, seed: int) -> None:
        self._on = on
        self._chance = random.Random(seed)
        self.done: Counter[str] = Counter()

    def run(self, scenario: str, kills: Sequence[Kill]) -> Account:
        """Kill while the stream is worked off, then let one last life finish in peace."""
        on = self._on
        for kill in kills:
            on.feed(1 / (len(kills) + 1))
            self._one(kill)
            on.injected += 1
        on.proxy.arm(None)
        on.daemon.start()
        return on.finish(scenario)

    def _one(self, kill: Kill) -> None:
        daemon, proxy = self._on.daemon, self._on.proxy
        fresh = daemon.lives % _FRESH == 0
        if kill is None:
            proxy.arm(None)
            daemon.start(fresh=fresh)
            time.sleep(self._chance.uniform(0.05, 1.5))
            self._end("any instant")
            return
        label, moment = kill
        skip = self._chance.randrange(3) if label in ("batch read", "commit") else 0
        proxy.arm(Fault(label=label, moment=moment, skip=skip, call=daemon.kill))
        daemon.start(fresh=fresh)
        self._end(f"{label}, {moment}" if proxy.fired.wait(_WAIT_S) else "any instant")

    def _end(self, name: str) -> None:
        self._on.daemon.kill()
        assert self._on.daemon.end() == -9, self._on.daemon.words()
        self.done[name] += 1


def killed(kit: Kit, kills: int, seed: int) -> tuple[Account, Counter[str]]:
    """Kill the daemon so many times on its way through the events."""
    with stage(kit, f"kills {seed}") as on:
        killing = Killing(on, seed)
        planned = plan(kills, seed)
        account = killing.run(f"daemon killed, {kit.redis}", planned)
        account.why += [f"never killed at: {label}" for label in never(planned, killing.done)]
        return account, killing.done


def never(planned: Sequence[Kill], done: Counter[str]) -> list[str]:
    """Name the requests at which kills were planned for each moment, and none fell: the proxy no longer knows them."""
    wanted = Counter(kill[0] for kill in planned if kill is not None)
    reached = {name.partition(",")[0] for name in done}
    return [label for label, times in wanted.items() if times >= len(MOMENTS) and label not in reached]

"""agentwatch over a case, in two ways: from events in memory to the alarm, as peers are fed, and the whole path.

The first does what a library in the agent's process would: fingerprints of the texts, prices, all detectors, the
verdict and its level. The second is the daemon's: from the encoded line, with ledger, rules, gate, incidents and
decisions. What is shown of verdicts is the second's, and where the first says anything else it is told.
"""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from agentwatch.config import Config
from agentwatch.cost.prices import Pricer
from agentwatch.detect.bank import Bank
from agentwatch.detect.options import DetectOptions
from agentwatch.fingerprint.batch import Fingerprinter
from agentwatch.ingest.decode import DecodeStats, decode
from agentwatch.policy.ladder import Ladder
from agentwatch.records import Change, Entry, Event, Level, Observation, Prints
from agentwatch.rulebook import RuleBook
from agentwatch.service.composing import make_rulebook
from agentwatch.service.replaying import Replay
from agentwatch.verdict import fold
from bench.peers.clock import Clock
from bench.peers.scoring import Case

__all__ = ["LEVELS", "Ourselves", "firsts"]

LEVELS = {"agentwatch": Level.warn, "agentwatch, kill": Level.kill}
Firsts = dict[str, int]
Rise = tuple[int, Level]


class Ourselves:
    """The shipped rules and prices, which are read once; a new state for each case."""

    def __init__(self) -> None:
        self._config = Config()
        self._rulebook: RuleBook = make_rulebook(self._config, {})
        self._pricer = Pricer(self._config.prices)

    def whole(self, case: Case) -> tuple[list[Rise], float]:
        """Replay a case from its encoded lines; gives each rise of a level, and the CPU seconds.

        Raises RuntimeError where a line is refused: then the case is no fair one.
        """
        lines = list(enumerate(map(msgspec.json.encode, case.events), 1))
        replay = Replay(self._config, self._rulebook)
        with Clock() as clock:
            changes = list(replay.changes(lines))
        if replay.malformed:
            raise RuntimeError(f"{case.name}: {replay.malformed[0].reason}")
        return [(one.index, one.level) for one in changes if one.change is Change.up], clock.spent_s

    def alarm(self, case: Case) -> tuple[list[Rise], float]:
        """Take events that are in memory to their alarms; gives each rise of a level, and the CPU seconds."""
        config, events = self._config, _decoded(case, self._config)
        bank, ladder, pricer = Bank(config.state), Ladder(config.ladder), self._pricer
        fingerprinter, rises = Fingerprinter(config.fingerprint), list[Rise]()
        ids = [f"0-{index}" for index in range(len(events))]  # an entry has its id when it is read
        for compiled in {id(one): one for one in map(self._rulebook.match, events)}.values():
            _make_detectors(bank, compiled.detect)
        with Clock() as clock:
            for index, (event, prints, entry) in enumerate(zip(events, fingerprinter.batch(events), ids, strict=True)):
                compiled = self._rulebook.match(event)
                scope = bank.admit(event, index)
                if scope.run.root != event.root_run or scope.app.app != event.app:
                    event = replace(event, app=scope.app.app, root_run=scope.run.root)  # noqa: PLW2901  # the child's root
                cost = pricer.price(event)
                seen = Observation(index, entry, scope.app.clock, event, prints, cost, event.status == "held")
                for verdict in fold(bank.observe(seen, scope, compiled.detect)):
                    move = ladder.climb(verdict, seen.now, compiled.rule.actions, compiled.ladder)
                    if move is not None:
                        rises.append((index, move.level))
        return rises, clock.spent_s


def _make_detectors(bank: Bank, options: DetectOptions) -> None:
    """Let the bank make its detectors, as a library's watchers are made before: it does so at the first event."""
    elsewhere = Event(agent="nobody", app="nowhere", tenant="nowhere", run="none", root_run="none", op="heartbeat")
    bank.observe(Observation(-1, "0-0", 0.0, elsewhere, Prints(), None), bank.admit(elsewhere, -1), options)


def firsts(case: Case, rises: Sequence[Rise], least: Level) -> Firsts:
    """Find each run's first rise to a level, by the event that caused it."""
    first: Firsts = {}
    for index, level in rises:
        if level >= least:
            first.setdefault(case.events[index].run, index)
    return first


def _decoded(case: Case, config: Config) -> list[Event]:
    stats, events = DecodeStats(), list[Event]()
    for index, event in enumerate(case.events):
        got = decode(Entry(f"0-{index}", msgspec.json.encode(event)), 0.0, None, config.decode, stats)
        if not isinstance(got, Event):
            raise TypeError(f"{case.name}: {got.reason}")
        events.append(got)
    return events

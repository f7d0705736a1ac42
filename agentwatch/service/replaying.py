"""Runs recorded events through exactly the daemon's path, with the events' own times as ticks and no server."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from agentwatch.config import Config
from agentwatch.detect.bank import Bank
from agentwatch.fingerprint.batch import Fingerprinter
from agentwatch.ingest.flood import FloodOptions
from agentwatch.pipeline import Pipeline
from agentwatch.records import Batch, Change, DeadLetter, Decision, Entry, Level, Tick
from agentwatch.rulebook import RuleBook
from agentwatch.service.composing import make_pipeline, replay_gate

__all__ = ["Malformed", "Replay", "Summary", "change_line"]

_CHUNK = 512


class Malformed(Struct, frozen=True):
    """A line that is no usage event: its number in its file, the field and the reason."""

    line: int
    field: str
    reason: str


class Summary(Struct, kw_only=True):
    """What a replay came to. warned and killed count runs (or trees, agents, apps) that ever reached the level."""

    events: int = 0
    malformed: int = 0
    runs: int = 0
    changes: int = 0
    warned: int = 0
    killed: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0
    seconds: float = 0.0


class Replay:
    """One replay over one pipeline. `summary` and `malformed` are complete once `changes` is exhausted.

    tell: hears of each malformed line as it is met, and of no more than `max_malformed`; `summary` counts all. bank and
    fingerprinter: see `make_pipeline`.
    """

    def __init__(
        self,
        config: Config,
        rulebook: RuleBook,
        max_malformed: int = 1000,
        *,
        tell: Callable[[Malformed], None] | None = None,
        bank: Bank | None = None,
        fingerprinter: Fingerprinter | None = None,
    ) -> None:
        options = replace(config.pipeline, event_ticks=True)
        whole = replace(config, gate=replay_gate(config.gate), pipeline=options, flood=FloodOptions(events_per_s=0))
        self.pipeline: Pipeline = make_pipeline(whole, rulebook, bank=bank, fingerprinter=fingerprinter)
        self.summary = Summary()
        self.malformed: list[Malformed] = []
        self._max_malformed = max_malformed
        self._tell = tell
        self._reached: dict[str, Level] = {}

    def changes(self, lines: Iterable[tuple[int, bytes]]) -> Iterator[Decision]:
        """Yield each change of a subject's level, in order."""
        return (decision for decision in self.decisions(lines) if decision.change in (Change.up, Change.down))

    def decisions(self, lines: Iterable[tuple[int, bytes]]) -> Iterator[Decision]:
        """Yield everything that is decided, in order: also what was held back and is let through later."""
        started = time.perf_counter()
        rest = iter(lines)
        while chunk := list(islice(rest, _CHUNK)):
            yield from self._step(chunk)
        self.summary.seconds = round(time.perf_counter() - started, 3)
        self.summary.warned = sum(1 for level in self._reached.values() if level >= Level.warn)
        self.summary.killed = sum(1 for level in self._reached.values() if level is Level.kill)

    def _step(self, chunk: list[tuple[int, bytes]]) -> Iterator[Decision]:
        summary = self.summary
        first = self.pipeline.positions.index
        entries = tuple(Entry(f"0-{first + place}", data) for place, (_, data) in enumerate(chunk))
        commit = self.pipeline.step(Batch(Tick(0.0), entries))
        for letter in commit.dead:
            self._bad(letter, chunk[int(letter.entry.partition("-")[2]) - first][0])
        summary.events += len(chunk) - len(commit.dead)
        summary.runs = self.pipeline.opened
        for cost_nusd in commit.ledger.amounts("cost_nusd"):
            summary.cost_usd += cost_nusd / 1e9
        summary.unpriced += sum(commit.ledger.amounts("unpriced"))
        for decision in commit.decisions:
            if decision.change in (Change.up, Change.down):
                summary.changes += 1
                self._reached[decision.subject] = max(
                    self._reached.get(decision.subject, Level.observe), decision.level
                )
            yield decision

    def _bad(self, letter: DeadLetter, line: int) -> None:
        self.summary.malformed += 1
        if len(self.malformed) < self._max_malformed:
            self.malformed.append(Malformed(line, letter.field, letter.reason))
            if self._tell is not None:
                self._tell(self.malformed[-1])


def change_line(decision: Decision) -> dict[str, Any]:
    """Put a change of level as the object that `replay --json` prints."""
    evidence = decision.evidence
    return {
        "index": decision.index,
        "id": decision.event_id,
        "ts": decision.ts,
        "tenant": decision.tenant,
        "app": decision.app,
        "agent": decision.agent,
        "run": decision.run,
        "root_run": decision.root_run,
        "subject": decision.subject,
        "kind": decision.kind,
        "change": decision.change.value,
        "level": decision.level.name,
        "confidence": round(decision.confidence, 4),
        "onset": {"index": evidence.onset_index, "id": evidence.onset_id} if evidence.onset_index >= 0 else None,
        "count": evidence.count,
        "period": evidence.period,
        "reason": decision.reason,
        "for": list(decision.speaks_for),
        "against": list(decision.speaks_against),
        "origin": decision.origin.value,
        "gate": decision.gate or None,
    }

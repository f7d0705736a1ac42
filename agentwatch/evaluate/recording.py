"""A replay with everything noted that is asked afterwards: each event's place, each change, how near each miss was."""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct, field

from agentwatch.config import Config
from agentwatch.evaluate.judging import Moment
from agentwatch.evaluate.pieces import Piece
from agentwatch.evaluate.probing import ProbingBank
from agentwatch.fingerprint.batch import Fingerprinter
from agentwatch.records import Observation, Signal
from agentwatch.rulebook import RuleBook
from agentwatch.service.replaying import Malformed, Replay, Summary, change_line

__all__ = ["Heard", "Recording", "record"]


class Heard(Struct, frozen=True, gc=False):
    """How far a detector got at an event, in units of its warning; it spoke from 1 on and kills at `kill_at`."""

    position: int
    kind: str
    strength: float
    kill_at: float
    reason: str
    against: tuple[str, ...]


class Recording(Struct, kw_only=True):
    """What a replay came to. placed: run and position in it of each event, ("", -1) for a line that is no event.

    moments: when each of them was, and its cost. heard: by run, in order. changes: as `replay` prints them.
    """

    placed: list[tuple[str, int]] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    heard: dict[str, list[Heard]] = field(default_factory=dict)
    summary: Summary = field(default_factory=Summary)


class _Notes:
    """Listens to a bank, and takes down what a recording holds."""

    def __init__(self, into: Recording) -> None:
        self._into = into
        self._lengths: dict[str, int] = {}

    def see(self, seen: Observation) -> None:
        """Note where an event lies; lines before it that were no events lie nowhere."""
        self.fill(seen.index)
        run = seen.event.run
        position = self._lengths.get(run, 0)
        self._lengths[run] = position + 1
        self._into.placed.append((run, position))
        self._into.moments.append(Moment(seen.event.ts, seen.cost_nusd))

    def hear(self, seen: Observation, signal: Signal) -> None:
        """Note how far a detector got."""
        run, position = self._into.placed[seen.index]
        heard = Heard(position, signal.kind, signal.strength, signal.kill_at, signal.reason, signal.speaks_against)
        self._into.heard.setdefault(run, []).append(heard)

    def fill(self, length: int) -> None:
        """Note lines that are no events, up to this many lines."""
        missing = length - len(self._into.placed)
        self._into.placed.extend([("", -1)] * missing)
        self._into.moments.extend([Moment(0.0)] * missing)


def record(
    config: Config,
    rulebook: RuleBook,
    lines: Iterable[tuple[int, bytes]],
    *,
    probe: bool = False,
    without: Piece | None = None,
    fingerprinter: Fingerprinter | None = None,
    tell: Callable[[Malformed], None] | None = None,
) -> Recording:
    """Replay events and note what happened.

    probe: note, too, how near each detector came where it said nothing. without: a piece of evidence to go without.
    fingerprinter: one that may know the texts already. tell: hears of each malformed line.
    """
    recording = Recording()
    notes = _Notes(recording)
    bank = ProbingBank(config.state, notes.see, notes.hear if probe else None, without)
    replay = Replay(config, rulebook, tell=tell, bank=bank, fingerprinter=fingerprinter)
    recording.changes.extend(change_line(decision) for decision in replay.changes(lines))
    recording.summary = replay.summary
    notes.fill(replay.pipeline.positions.index)
    return recording

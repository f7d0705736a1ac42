"""Sets thresholds so that all calibrated detectors together accuse at most a stated share of runs like the given ones.

The rate is not split among the detectors, which would take hundreds of runs for each of them: see `thresholds`.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

from msgspec import Struct
from msgspec.structs import replace

from agentwatch.calibrate.conformal import Split, rank
from agentwatch.calibrate.scoring import CALIBRATED, RunKey, RunScores, ScoringBank, kills_of
from agentwatch.calibrate.thresholds import FINE, Reached, divide, lowered, threshold_of, thresholds
from agentwatch.config import Config
from agentwatch.detect.options import DetectOptions
from agentwatch.policy.rules import DEFAULT_RULE, Policy, Rule
from agentwatch.records import Level
from agentwatch.rulebook import RuleBook
from agentwatch.service.replaying import Malformed, Replay
from agentwatch.subject import run_subject

__all__ = ["Calibration", "Scored", "Threshold", "calibrate", "check", "score_runs"]

Lines = Callable[[], Iterable[tuple[int, bytes]]]
_MOST = 1000  # no option takes more


class Threshold(Struct, frozen=True, kw_only=True):
    """What one detector's threshold was, and is to be. highest: the furthest that it got in the runs that set it.

    runs_over: how many of all the given runs it would have warned of where it was.
    """

    kind: str
    option: str
    was: float
    now: float
    kill: dict[str, float]
    scale: float
    highest: float
    runs_over: int


class Scored(Struct, frozen=True):
    """All runs with their scores, the number of events and of lines that were none, and the times of the events."""

    runs: dict[RunKey, RunScores]
    order: dict[int, RunKey]
    events: int
    malformed: int


class Calibration(Struct, frozen=True, kw_only=True):
    """What came of it. quantile: the t that was taken, the `rank`-th smallest of `split.calibrate` scores.

    checked, by: how many of the check half were warned of, and by which detectors, when all was replayed with the new
    thresholds; before: with the old ones. accused: runs that the old ones warn of, with the detector that got furthest.
    """

    rate: float
    seed: int
    tighten: bool
    split: Split
    rank: int
    quantile: float
    runs: int
    events: int
    malformed: int
    since: float
    until: float
    thresholds: tuple[Threshold, ...]
    checked: int = 0
    before: int = 0
    by: dict[str, int] = {}
    accused: tuple[tuple[str, str, float], ...] = ()

    @property
    def changed(self) -> tuple[Threshold, ...]:
        """The thresholds that are others now."""
        return tuple(one for one in self.thresholds if one.now != one.was)


def score_runs(
    config: Config, options: DetectOptions, lines: Lines, tighten: bool, tell: Callable[[Malformed], None]
) -> Scored:
    """Replay everything with nothing ever decided, and score each run against the thresholds in force."""
    bank = ScoringBank(config.state, lowered(options, tighten))
    book = RuleBook(Policy([], Rule(name=DEFAULT_RULE, actions=())), options, config.ladder)
    replay = Replay(config, book, bank=bank, tell=tell)
    for _ in replay.decisions(lines()):
        pass
    return Scored(bank.runs, bank.order, replay.summary.events, replay.summary.malformed)


def calibrate(scored: Scored, options: DetectOptions, rate: Fraction, seed: int, tighten: bool) -> Calibration:
    """Find the thresholds; what they do to the check half is left to be seen. Raises `BadInput` for too few runs."""
    floors = lowered(options, tighten)
    shape, used, check = divide(list(scored.runs), rate, seed)
    floor_of = {kind: threshold_of(floors, kind) for kind in CALIBRATED if getattr(options, kind).enabled}
    reached = {key: run.reached for key, run in scored.runs.items()}
    found, scales, t = thresholds(floor_of, [reached[key] for key in shape], [reached[key] for key in used], rate)
    set_by = [reached[key] for key in (*shape, *used)]
    every = list(reached.values())
    return Calibration(
        rate=float(rate),
        seed=seed,
        tighten=tighten,
        split=Split(len(shape), len(used), len(check)),
        rank=rank(len(used), rate),
        quantile=t,
        runs=len(scored.runs),
        events=scored.events,
        malformed=scored.malformed,
        since=min(run.first for run in scored.runs.values()),
        until=max(run.last for run in scored.runs.values()),
        thresholds=tuple(_threshold(kind, options, found[kind], scales[kind], set_by, every) for kind in floor_of),
        accused=_accused(scored, options),
    )


def _threshold(
    kind: str, options: DetectOptions, now: float, scale: float, set_by: Sequence[Reached], every: Sequence[Reached]
) -> Threshold:
    its_own = getattr(options, kind)
    name = CALIBRATED[kind]
    was = getattr(its_own, name)
    grown = max(1.0, now / was)  # a kill keeps its proportion to the warning, and is never lowered
    kills = {one: _grown(getattr(its_own, one), grown) for one in kills_of(its_own)}
    return Threshold(
        kind=kind,
        option=name,
        was=was,
        now=int(now) if isinstance(was, int) else now,
        kill={one: value for one, value in kills.items() if value != getattr(its_own, one)},
        scale=scale,
        highest=max((run.get(kind, 0.0) for run in set_by), default=0.0),
        runs_over=sum(1 for run in every if run.get(kind, 0.0) >= was),
    )


def _grown(value: float, grown: float) -> float:
    if isinstance(value, int):
        return min(_MOST, math.ceil(value * grown))
    return min(float(_MOST), math.ceil(value * grown * FINE) / FINE)


def _accused(scored: Scored, options: DetectOptions) -> tuple[tuple[str, str, float], ...]:
    """List the runs that the thresholds in force warn of, worst first: subject, detector, times its threshold."""
    found = []
    for key, run in scored.runs.items():
        times = {kind: score / threshold_of(options, kind) for kind, score in run.reached.items()}
        worst = max(times, key=lambda kind: times[kind], default="")
        if worst and times[worst] >= 1.0:
            found.append((run_subject(*key), worst, round(times[worst], 3)))
    return tuple(sorted(found, key=lambda one: (-one[2], one[0])))


def check(
    config: Config, old: RuleBook, new: RuleBook, lines: Lines, scored: Scored, found: Calibration
) -> Calibration:
    """Replay the check half by both policies, exactly as the daemon decides, and count the runs warned of."""
    _, _, held_out = divide(list(scored.runs), Fraction(str(found.rate)), found.seed)
    wanted = set(held_out)
    chosen = [pair for index, pair in enumerate(lines()) if scored.order.get(index) in wanted]
    before = _warned(config, old, chosen)
    after = _warned(config, new, chosen)
    by: dict[str, int] = {}
    for kinds in after.values():
        for kind in kinds:
            by[kind] = by.get(kind, 0) + 1
    return replace(found, checked=len(after), before=len(before), by=by)


def _warned(config: Config, book: RuleBook, lines: Sequence[tuple[int, bytes]]) -> dict[RunKey, set[str]]:
    """Name the runs in which anything reached a warning, with the detectors that led there."""
    found: dict[RunKey, set[str]] = {}
    for decision in Replay(config, book).changes(lines):
        if decision.level > decision.previous and decision.level >= Level.warn:
            found.setdefault((decision.tenant, decision.app, decision.run), set()).add(decision.kind)
    return found

"""What each detector and each piece of evidence is worth: the runs that are judged otherwise without it."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from agentwatch.detect.bank import DETECTORS
from agentwatch.evaluate.judging import Judged, judge, rises_at
from agentwatch.evaluate.labels import Label
from agentwatch.evaluate.pieces import PIECES
from agentwatch.evaluate.scoring import Score, score
from agentwatch.evaluate.tables import Table
from agentwatch.evaluate.trials import Changes, Conditions, Trials
from agentwatch.records import Level

__all__ = ["Ablation", "Worth", "ablate", "ablation_table"]

Judge = Callable[[Changes, Level], list[Judged]]
_STAKES = "time and money weigh on every judgement"


class Worth(Struct, frozen=True, kw_only=True):
    """What it is like without one part. what: `detector`, `against` or `for` (evidence that speaks so).

    lost, gained: loops found with it alone, and without it alone. accused: runs with a false alarm (benign ones, and
    loops before their onset) that are spared with it; spared: the other way round. killed: benign runs killed without.
    """

    name: str
    what: str
    words: str
    warn: Score
    kill_found: int
    killed: int
    lost: tuple[str, ...]
    gained: tuple[str, ...]
    accused: tuple[str, ...]
    spared: tuple[str, ...]


class Ablation(Struct, frozen=True, kw_only=True):
    """The whole, and what it is like without each part."""

    whole: Score
    kill_found: int
    parts: tuple[Worth, ...]


def ablate(trials: Trials, placed: Sequence[tuple[str, int]], labels: Sequence[Label]) -> Ablation:
    """Replay without each detector and without each piece of evidence, and compare with the whole."""
    known = {run for run, _ in placed}
    labelled = [label for label in labels if label.run in known]

    def judged(changes: Changes, level: Level) -> list[Judged]:
        return judge(labelled, rises_at(changes, placed, level))

    parts = _parts()
    whole, *without = trials.run([Conditions(), *(conditions for _, _, _, conditions in parts)])
    return Ablation(
        whole=score(judged(whole, Level.warn)),
        kill_found=score(judged(whole, Level.kill)).found,
        parts=tuple(_worth(part, judged, whole, changes) for part, changes in zip(parts, without, strict=True)),
    )


def _parts() -> list[tuple[str, str, str, Conditions]]:
    detectors = [(kind, "detector", _summary(kind), Conditions(off=(kind,))) for kind in DETECTORS]
    stakes = [("stakes", "detector", _STAKES, Conditions(off=("stakes",)))]
    pieces = [
        (name, "against" if piece.against else "for", piece.words, Conditions(without=name))
        for name, piece in PIECES.items()
    ]
    return [*detectors, *stakes, *pieces]


def _summary(kind: str) -> str:
    return (DETECTORS[kind].__doc__ or "").strip().partition("\n")[0].rstrip(".")


def _worth(part: tuple[str, str, str, Conditions], judged: Judge, whole: Changes, without: Changes) -> Worth:
    name, what, words, _ = part
    before, after = judged(whole, Level.warn), judged(without, Level.warn)
    killed = judged(without, Level.kill)
    found = [_runs(some, lambda one: one.late is not None) for some in (before, after)]
    wrong = [_runs(some, lambda one: one.early is not None) for some in (before, after)]
    return Worth(
        name=name,
        what=what,
        words=words,
        warn=score(after),
        kill_found=sum(one.late is not None for one in killed),
        killed=sum(one.early is not None and not one.label.loop for one in killed),
        lost=tuple(run for run in found[0] if run not in found[1]),
        gained=tuple(run for run in found[1] if run not in found[0]),
        accused=tuple(run for run in wrong[1] if run not in wrong[0]),
        spared=tuple(run for run in wrong[0] if run not in wrong[1]),
    )


def _runs(judged: Sequence[Judged], asked: Callable[[Judged], bool]) -> Mapping[str, None]:
    return dict.fromkeys(one.label.run for one in judged if asked(one))


def ablation_table(ablation: Ablation) -> Table:
    """Lay an ablation out, a part a row, in the order of what was taken away."""
    head = ("without", "is", "found", "lost", "gained", "benign warned", "early", "new alarms", "spared",
            "killed found", "benign killed", "delay", "what it is")  # fmt: skip
    whole = ablation.whole
    rows = [("nothing", "", *_counts(whole, "-", "-", "-", "-"), str(ablation.kill_found), "-", _delay(whole), "")]
    for part in ablation.parts:
        counts = _counts(part.warn, *(str(len(some)) for some in (part.lost, part.gained, part.accused, part.spared)))
        tail = (str(part.kill_found), str(part.killed), _delay(part.warn), part.words)
        rows.append((part.name, part.what, *counts, *tail))
    return Table("What each part is worth: without it, at warn", head, tuple(rows))


def _counts(one: Score, lost: str, gained: str, accused: str, spared: str) -> tuple[str, ...]:
    return (str(one.found), lost, gained, str(one.false_alarms - one.early), str(one.early), accused, spared)


def _delay(one: Score) -> str:
    return "-" if one.delay_median is None else f"{one.delay_median:g}"

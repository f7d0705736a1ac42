"""How good the verdicts are: a replay's changes scored against labels, at each level, in each group of runs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from agentwatch.evaluate.confusion import Miss, Signalled, confusion
from agentwatch.evaluate.intervals import Bootstrap
from agentwatch.evaluate.judging import Judged, Moments, judge, rises_at
from agentwatch.evaluate.labels import INTERCODE, Label
from agentwatch.evaluate.scoring import Score, by_kind, kinds, score
from agentwatch.records import Level

__all__ = ["LEVELS", "Report", "evaluate"]

LEVELS = (Level.warn, Level.throttle, Level.pause, Level.kill)


class Report(Struct, frozen=True, kw_only=True):
    """Everything about one replay: scores by level, then by group and level, and the runs that went wrong.

    groups: `set:`, `source:` and `shape:` hold some of the runs; `detector:` all of them, with what that detector was
    first to say. unlabelled: runs of the input without a label, left out. missing: labelled runs that are not in the
    input, left out. short: loops whose onset lies beyond their events.
    """

    runs: int
    events: int
    benign_warned: int
    benign_killed: int
    warn: Score
    throttle: Score
    pause: Score
    kill: Score
    groups: dict[str, dict[str, Score]]
    wrong: tuple[Miss, ...]
    unlabelled: int = 0
    unlabelled_runs: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    short: tuple[str, ...] = ()

    def at(self, level: str) -> Score:
        """Give the score of all runs at a level."""
        found: Score = getattr(self, level)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Give the report as plain values for JSON."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def evaluate(
    changes: Iterable[Mapping[str, Any]],
    placed: Sequence[tuple[str, int]],
    labels: Sequence[Label],
    *,
    moments: Moments | None = None,
    heard: Mapping[str, Sequence[Signalled]] | None = None,
    bootstrap: Bootstrap | None = None,
) -> Report:
    """Score the changes of a replay.

    changes: its lines (with `index`, `change`, `level`, `kind`, `reason`, `run`). placed: for each event of the input
    its run and its position within that run. labels: what is true. moments: when each event was and what it cost.
    heard: how far detectors got, by run, for the reasons of misses. bootstrap: say how far the rates may be off.
    """
    listed = list(changes)
    lengths: dict[str, int] = {}
    for run, _ in placed:
        if run:
            lengths[run] = lengths.get(run, 0) + 1
    known = [label for label in labels if label.run in lengths]
    judged = {level: judge(known, rises_at(listed, placed, level), moments) for level in LEVELS}
    whole = {level.name: score(each, bootstrap) for level, each in judged.items()}
    strangers = sorted(lengths.keys() - {label.run for label in labels})
    return Report(
        runs=len(known),
        events=sum(lengths.values()),
        benign_warned=whole["warn"].false_alarms - whole["warn"].early,
        benign_killed=whole["kill"].false_alarms - whole["kill"].early,
        **whole,
        groups=_groups(judged, bootstrap),
        wrong=tuple(miss for level in LEVELS for miss in confusion(judged[level], level, heard)),
        unlabelled=len(strangers),
        unlabelled_runs=tuple(strangers),
        missing=tuple(label.run for label in labels if label.run not in lengths),
        short=tuple(label.run for label in known if label.onset >= lengths[label.run]),
    )


def _groups(judged: Mapping[Level, Sequence[Judged]], bootstrap: Bootstrap | None) -> dict[str, dict[str, Score]]:
    found: dict[str, dict[str, Score]] = {}
    for level, whole in judged.items():
        groups: dict[str, list[Judged]] = {}
        for one in whole:
            for name in _groups_of(one.label):
                groups.setdefault(name, []).append(one)
        for kind in kinds(whole):
            groups[f"detector:{kind}"] = by_kind(whole, kind)
        for name, some in groups.items():
            found.setdefault(name, {})[level.name] = score(some, bootstrap)
    return dict(sorted(found.items()))


def _groups_of(label: Label) -> Iterable[str]:
    yield f"set:{INTERCODE}" if INTERCODE in label.source.lower() else "set:other"
    yield f"source:{label.source}"
    if label.loop:
        yield f"shape:{label.shape or 'unnamed'}"

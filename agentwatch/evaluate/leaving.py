"""Thresholds fitted on some sources and scored on one that was left out: what figures are worth on agents not seen.

Fitted means here: the warnings of the detectors, and nothing else, are moved by factors of a small grid (`fit` has the
rule). What the detectors look at was thought out by people who knew all sources; leaving one out does not undo that.
"""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

import numpy as np
from msgspec import Struct

from agentwatch.errors import BadInput
from agentwatch.evaluate.fitting import Factors, Flags, Strengths, fit
from agentwatch.evaluate.intervals import Bootstrap
from agentwatch.evaluate.judging import Judged, judge, rises_at
from agentwatch.evaluate.labels import Label
from agentwatch.evaluate.recording import Heard
from agentwatch.evaluate.scoring import Score, score
from agentwatch.evaluate.tables import Table
from agentwatch.evaluate.trials import Conditions, Trials, scales
from agentwatch.records import Level

__all__ = ["Fold", "LeftOut", "leave_out", "leaving_tables"]

ALL: Final = "all"


class Fold(Struct, frozen=True, kw_only=True):
    """One source that was left out. factors: on the shipped warnings, by detector, 1 where none stands.

    training: the score on the other sources with these. fitted, shipped: on the source left out, with them and with
    the warnings that are given.
    """

    source: str
    factors: Factors
    training: Score
    fitted: Score
    shipped: Score


class LeftOut(Struct, frozen=True, kw_only=True):
    """Every fold, and all folds' runs together: each judged by thresholds that never saw its source.

    inside: fitted on all sources and scored on them.
    """

    folds: tuple[Fold, ...]
    together: Score
    shipped: Score
    inside: Score
    inside_factors: Factors


def leave_out(
    trials: Trials,
    placed: Sequence[tuple[str, int]],
    labels: Sequence[Label],
    heard: Mapping[str, Sequence[Heard]],
    sources: Sequence[str],
    bootstrap: Bootstrap | None = None,
) -> LeftOut:
    """Leave each source out in turn; a glob leaves all that it fits out together, and `all` is each in turn.

    Raises `BadInput` for what fits no source, or all of them.
    """
    known = {run for run, _ in placed}
    labelled = [label for label in labels if label.run in known]
    names = sorted({label.source for label in labelled})
    asked = list(dict.fromkeys(one for name in sources for one in (names if name == ALL else [name])))
    left = [np.array([label.source in out for label in labelled]) for out in (_fits(name, names) for name in asked)]
    strengths = Strengths(labelled, heard)
    everything = np.ones(len(labelled), dtype=bool)
    factors = [fit(strengths, ~out) for out in left]
    inside_factors = fit(strengths, everything)
    made = trials.run([Conditions(), scales(inside_factors), *map(scales, factors)])
    shipped, inside, *fitted = (judge(labelled, rises_at(each, placed, Level.warn)) for each in made)
    any_left = np.logical_or.reduce(left)
    return LeftOut(
        folds=tuple(
            _fold(name, out, its_own, judged, shipped, bootstrap)
            for name, out, its_own, judged in zip(asked, left, factors, fitted, strict=True)
        ),
        together=score(
            _once(one for judged, out in zip(fitted, left, strict=True) for one in _of(judged, out)), bootstrap
        ),
        shipped=score(_of(shipped, any_left), bootstrap),
        inside=score(_of(inside, any_left), bootstrap),
        inside_factors=inside_factors,
    )


def _fold(
    source: str,
    out: Flags,
    factors: Factors,
    judged: Sequence[Judged],
    shipped: Sequence[Judged],
    bootstrap: Bootstrap | None,
) -> Fold:
    return Fold(
        source=source,
        factors=factors,
        training=score(_of(judged, ~out)),
        fitted=score(_of(judged, out), bootstrap),
        shipped=score(_of(shipped, out), bootstrap),
    )


def _of(judged: Sequence[Judged], chosen: Flags) -> list[Judged]:
    return [one for one, its_own in zip(judged, chosen, strict=True) if its_own]


def _fits(name: str, names: Sequence[str]) -> set[str]:
    out = {one for one in names if fnmatchcase(one, name)}
    if not out:
        raise BadInput(f"no source {name!r}; known: {', '.join(names)}", "--leave-out")
    if len(out) == len(names):
        raise BadInput(f"{name!r} leaves no source to fit on", "--leave-out")
    return out


def _once(judged: Iterable[Judged]) -> list[Judged]:
    """Count a run once, also where two folds left it out: the first of them."""
    return list({one.label.run: one for one in reversed(list(judged))}.values())


def leaving_tables(left: LeftOut) -> list[Table]:
    """Lay the folds out beside the given thresholds, and all of them together."""
    head = ("left out", "loops", "benign", "found fitted", "found shipped", "benign warned fitted",
            "benign warned shipped", "early fitted", "early shipped", "found of the others", "factors")  # fmt: skip
    rows = [_row(fold.source, fold.fitted, fold.shipped, fold.training, fold.factors) for fold in left.folds]
    rows.append(_row("together", left.together, left.shipped, None, {}))
    notes = (
        f"recall, thresholds fitted without the run's source: {_rate(left.together)}",
        f"recall, thresholds fitted on all sources: {_rate(left.inside)}; {_factors(left.inside_factors)}",
        f"recall, thresholds as given: {_rate(left.shipped)}",
    )
    return [Table("Each source left out: fitted on the others, scored on it", head, tuple(rows), notes)]


def _row(
    name: str, fitted: Score, shipped: Score, training: Score | None, factors: Mapping[str, float]
) -> tuple[str, ...]:
    return (
        name,
        str(fitted.loops),
        str(fitted.benign),
        str(fitted.found),
        str(shipped.found),
        str(fitted.false_alarms - fitted.early),
        str(shipped.false_alarms - shipped.early),
        str(fitted.early),
        str(shipped.early),
        "-" if training is None else f"{training.found} of {training.loops}",
        "-" if training is None else _factors(factors),
    )


def _rate(one: Score) -> str:
    between = one.between.get("recall")
    spread = f" ({between[0]:.3f}-{between[1]:.3f})" if between is not None else ""
    warned = one.false_alarms - one.early
    return f"{one.recall:.3f}{spread}, {warned} of {one.benign} benign runs warned, {one.early} loops early"


def _factors(factors: Mapping[str, float]) -> str:
    if not factors:
        return "as given"
    return ", ".join(f"{kind} x {factor:g}" for kind, factor in factors.items())

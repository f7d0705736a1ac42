"""Which agents are unlike their peers: an isolation forest over their features (Liu, Ting and Zhou, 2008).

Runs in a thread of its own. scikit-learn is loaded when it is first needed: it takes a second and 100 MB.
"""

import statistics
from collections.abc import Sequence

from agentwatch.detect.cohort import CohortOptions
from agentwatch.detect.manner import FEATURES
from agentwatch.views import CohortView

__all__ = ["Row", "compare"]

Row = tuple[str, str, str, tuple[float, ...]]
_STANDS_OUT = 3.5  # robust deviations from the median (Iglewicz and Hoaglin, 1993)
_MAD_TO_SIGMA = 1.4826
_LEAST_SPREAD = 0.05


def compare(rows: Sequence[Row], options: CohortOptions) -> dict[tuple[str, str, str], CohortView]:
    """Judge each agent among the agents of its app, or of its tenant where the app has too few of them."""
    found: dict[tuple[str, str, str], CohortView] = {}
    for among, cohort in _cohorts(rows, options.least_peers):
        scores = _scores([row[3] for row in cohort], options)
        for row, score in zip(cohort, scores, strict=True):
            unlike = score >= options.unlike
            found[row[:3]] = CohortView(
                among=among,
                peers=len(cohort) - 1,
                score=round(score, 3),
                unlike=unlike,
                differs=_differs(row[3], [one[3] for one in cohort]) if unlike else (),
            )
    return found


def _cohorts(rows: Sequence[Row], least: int) -> list[tuple[str, list[Row]]]:
    apps: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        apps.setdefault(row[:2], []).append(row)
    tenants: dict[str, list[Row]] = {}
    found: list[tuple[str, list[Row]]] = []
    for (tenant, _), members in sorted(apps.items()):
        if len(members) >= least:
            found.append(("app", members))
        else:
            tenants.setdefault(tenant, []).extend(members)
    found += [("tenant", members) for _, members in sorted(tenants.items()) if len(members) >= least]
    return [(among, sorted(members)) for among, members in found]


def _scores(features: list[tuple[float, ...]], options: CohortOptions) -> list[float]:
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=options.trees, random_state=options.seed).fit(features)
    return [float(-score) for score in forest.score_samples(features)]


def _differs(mine: tuple[float, ...], everyone: list[tuple[float, ...]]) -> tuple[str, ...]:
    """Name the features in which one stands out, the most striking first."""
    told: list[tuple[float, str]] = []
    for at, name in enumerate(FEATURES):
        column = [one[at] for one in everyone]
        middle = statistics.median(column)
        spread = statistics.median(abs(value - middle) for value in column) * _MAD_TO_SIGMA
        away = (mine[at] - middle) / max(spread, _LEAST_SPREAD)
        if abs(away) >= _STANDS_OUT:
            told.append((-abs(away), f"{'more' if away > 0 else 'fewer'} {name} than its peers"))
    return tuple(words for _, words in sorted(told))

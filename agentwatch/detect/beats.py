"""Beats of a schedule that come faster than declared, and what an agent usually spends on what it is asked to do."""

from msgspec import Struct, field

__all__ = ["Asked", "Beats"]


class Beats(Struct, array_like=True, gc=False):
    """Beats in a row that came too fast. last: time of the latest, since: of the one before the first.

    tokens, cost_nusd and unpriced: what the agent had used by then.
    """

    since: float
    last: float
    interval_s: float
    index: int
    event_id: str
    tokens: int
    cost_nusd: int
    unpriced: int
    fast: int = 0
    ids: list[str] = field(default_factory=list)


class Asked(Struct, array_like=True, gc=False):
    """What an agent spent on what it was asked to do, from one trigger to the next: how often, and the most lately."""

    count: int = 0
    most_nusd: int = 0

"""The status of several partitions as one: sums, and the fullest where each has the whole limit to itself."""

from collections.abc import Sequence

from msgspec.structs import replace

from agentwatch.views import BoundView, StatusView

__all__ = ["summed"]


def summed(views: Sequence[StatusView], held: tuple[int, ...]) -> StatusView:
    """Add up the status of the partitions that are held; details are those of the first."""

    def total(name: str) -> int:
        return sum(getattr(view, name) for view in views)

    def added(name: str) -> dict[str, int]:
        tables = [getattr(view, name) for view in views]
        return {key: sum(table.get(key, 0) for table in tables) for key in dict.fromkeys(k for t in tables for k in t)}

    names = ("events", "lag", "runs_active", "agents_active", "looping", "dead_letters", "cost_today_nusd")
    return replace(
        views[0],
        **{name: total(name) for name in (*names, "incidents_open")},
        events_per_second=round(sum(view.events_per_second for view in views), 2),
        oldest_unread_s=max(view.oldest_unread_s for view in views),
        standing=added("standing"),
        dropped=added("dropped"),
        bounds=tuple(_bound(same) for same in zip(*(view.bounds for view in views), strict=True)),
        shed_events=total("shed_events"),
        shedding=added("shedding"),
        safe_mode=next((view.safe_mode for view in views if view.safe_mode), ""),
        canary="; ".join(dict.fromkeys(view.canary for view in views if view.canary)),
        breakers=tuple(breaker for view in views for breaker in view.breakers),
        partitions_held=held,
    )


def _bound(same: Sequence[BoundView]) -> BoundView:
    return replace(same[0], used=max(view.used for view in same), dropped=sum(view.dropped for view in same))

"""The incidents as they stand, out of the worker's state: the open ones, and those that were over of late."""

from collections.abc import Callable, Sequence
from itertools import islice

from agentwatch.errors import BadRequest
from agentwatch.pipeline import Pipeline
from agentwatch.records import AllowEntry, Incident
from agentwatch.views import IncidentPage

__all__ = ["IncidentDesk"]


class IncidentDesk:
    """Answers `IncidentQueries` for one worker; `pipeline` gives the one that is current."""

    def __init__(self, pipeline: Callable[[], Pipeline]) -> None:
        self._pipeline = pipeline

    def incidents(self, tenant: str, app: str, state: str, before: str, limit: int) -> IncidentPage:
        """List incidents, latest opened first. state: `open`, `resolved`, or "" for both.

        An outage is its tenant's and has no app. Raises `BadRequest` where `before` is no incident that is known.
        """
        found = iter(self._known())
        if before and not any(one.id == before for one in found):
            raise BadRequest(f"{before!r} is no incident that is known", "before")
        wanted = (one for one in found if _fits(one, tenant, app, state))
        page = tuple(islice(wanted, limit))
        more = next(wanted, None) is not None
        return IncidentPage(incidents=page, next=page[-1].id if more else "")

    def incident(self, id: str) -> Incident | None:
        """Find an incident by its id, open or over; None for one that is not known, or no longer."""
        return next((one for one in self._known() if one.id == id), None)

    def silences(self) -> Sequence[AllowEntry]:
        """List whose alerts are held now, oldest first."""
        ledgers = self._pipeline().ledgers
        return ledgers.silences.entries(ledgers.gate.now)

    def _known(self) -> list[Incident]:
        ledgers = self._pipeline().ledgers
        known = (*ledgers.ourselves.open(), *ledgers.incidents.open(), *ledgers.incidents.closed())
        told = ledgers.silences.hushed(known, ledgers.gate.now)
        return sorted(told, key=lambda one: (-one.opened_at, one.id))


def _fits(incident: Incident, tenant: str, app: str, state: str) -> bool:
    return (
        (not tenant or incident.tenant == tenant)
        and (not app or incident.app == app)
        and (not state or (incident.state == "resolved") == (state == "resolved"))
    )

"""Incidents: what on-call was told of, open and of late."""

from litestar import get
from litestar.handlers import BaseRouteHandler

from agentwatch.api.asked import AskedId, AskedLabel, AskedLimit, AskedPosition, WantedState
from agentwatch.api.problems import FieldProblem, Problem, told
from agentwatch.api.site import ApiRequest, TheSite
from agentwatch.records import Incident
from agentwatch.views import IncidentPage

__all__ = ["handlers"]

_READ = {"roles": {"read"}}


@get("/v1/incidents", opt=_READ, responses=told(400, 401, 403, 422), tags=["incidents"], summary="List incidents")
async def list_incidents(
    site: TheSite,
    request: ApiRequest,
    tenant: AskedLabel = "",
    app: AskedLabel = "",
    in_state: WantedState = "",
    before: AskedPosition = "",
    limit: AskedLimit = 100,
) -> IncidentPage:
    """List incidents, latest opened first; `next` of the answer is the `before` of the following page, "" at the end.

    Those that are over are known for a day, as long as they may be reopened.
    """
    user = request.user
    if app and user.app and app != user.app:
        user.check_place(tenant or user.tenant, app)
    size = min(limit, site.options.limits.page)
    return site.ports.incidents.incidents(user.tenant_of(tenant), app or user.app, in_state, before, size)


@get(
    "/v1/incidents/{id:str}",
    opt=_READ,
    responses=told(400, 401, 403, 404),
    tags=["incidents"],
    summary="Show an incident",
)
async def read_incident(site: TheSite, request: ApiRequest, id: AskedId) -> Incident:
    """Show one incident as it stands: evidence, cost, what was done and whether it worked."""
    found = site.ports.incidents.incident(id)
    if found is None or not request.user.covers(found.tenant, found.app):
        reason = "not known: never opened, or over for more than a day"
        raise Problem(404, f"no such incident: {reason}", errors=(FieldProblem(field="id", reason=reason),))
    return found


handlers: list[BaseRouteHandler] = [list_incidents, read_incident]

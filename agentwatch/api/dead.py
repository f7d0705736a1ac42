"""Dead letters: the entries that could not be read, and the way back for them."""

from litestar import get, post
from litestar.handlers import BaseRouteHandler

from agentwatch.api.asked import AskedId, AskedLimit, AskedPosition
from agentwatch.api.problems import told
from agentwatch.api.site import ApiRequest, TheSite
from agentwatch.views import DeadItem, DeadPage, Requeued

__all__ = ["handlers"]


@get(
    "/v1/dead",
    opt={"roles": {"read"}},
    responses=told(400, 401, 403, 422, 503),
    tags=["controls"],
    summary="Dead letters",
)
async def list_dead(
    site: TheSite,
    request: ApiRequest,
    before: AskedPosition = "",
    limit: AskedLimit = 100,
) -> DeadPage:
    """List entries that could not be read, with the reason, the field, and the original."""
    request.user.check_unbound()
    size = min(limit, site.options.limits.page)
    found = await site.ports.dead.dead(before, size)
    items = tuple(DeadItem(position=position, letter=letter) for position, letter in found)
    return DeadPage(items=items, next=items[-1].position if len(items) == size else "")


@post(
    "/v1/dead/{id:str}/requeue",
    opt={"roles": {"operator"}, "bodiless": True},
    status_code=200,
    responses=told(400, 401, 403, 404, 422, 503),
    tags=["controls"],
    summary="Put a dead letter back",
)
async def requeue(site: TheSite, request: ApiRequest, id: AskedId) -> Requeued:
    """Put the original back on the events stream, for entries that a newer version can read."""
    request.user.check_unbound()
    return Requeued(id=id, entry=await site.ports.dead.requeue(id))


handlers: list[BaseRouteHandler] = [list_dead, requeue]

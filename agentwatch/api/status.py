"""The daemon at one glance."""

from litestar import get
from litestar.handlers import BaseRouteHandler

from agentwatch.api.problems import told
from agentwatch.api.site import ApiRequest, TheSite
from agentwatch.views import StatusView

__all__ = ["handlers"]


@get("/v1/status", opt={"roles": {"read"}}, responses=told(401, 403), tags=["fleet"], summary="Status of the daemon")
async def read_status(site: TheSite, request: ApiRequest) -> StatusView:
    """Describe mode, load, lag, what stands, what was dropped, and the health of each component."""
    request.user.check_unbound()
    return site.ports.fleet.status()


handlers: list[BaseRouteHandler] = [read_status]

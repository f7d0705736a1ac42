"""What belongs into a report of a fault."""

from litestar import get
from litestar.handlers import BaseRouteHandler

from agentwatch.api.problems import told
from agentwatch.api.site import ApiRequest, TheSite
from agentwatch.support import SupportView

__all__ = ["handlers"]


@get("/v1/support", opt={"roles": {"operator"}}, responses=told(401, 403), tags=["controls"], summary="Support dump")
async def read_support(site: TheSite, request: ApiRequest) -> SupportView:
    """Give versions, configuration with its secrets masked, status, metrics, and the last lines of the log."""
    request.user.check_unbound()
    return site.ports.support.gather()


handlers: list[BaseRouteHandler] = [read_support]

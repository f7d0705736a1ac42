"""Who serves which partition, and how far each has come."""

from litestar import get
from litestar.handlers import BaseRouteHandler

from agentwatch.api.problems import told
from agentwatch.api.site import ApiRequest, TheSite
from agentwatch.views import PartitionView

__all__ = ["handlers"]


@get("/v1/partitions", opt={"roles": {"read"}}, responses=told(401, 403, 503), tags=["fleet"], summary="Partitions")
async def list_partitions(site: TheSite, request: ApiRequest) -> list[PartitionView]:
    """List every partition with its owner, its lag and the age of what waits, whichever worker is asked."""
    request.user.check_unbound()
    return list(await site.ports.partitions.partitions())


handlers: list[BaseRouteHandler] = [list_partitions]

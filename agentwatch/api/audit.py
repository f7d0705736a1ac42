"""The audit log, as it is stored: whoever reads it can verify it without believing this API."""

from typing import Annotated

from litestar import get
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter

from agentwatch.api.asked import AskedLimit
from agentwatch.api.problems import told
from agentwatch.api.site import ApiRequest, TheSite
from agentwatch.audited import AuditPage

__all__ = ["handlers"]

_Partition = Annotated[int, QueryParameter(ge=0, le=4095)]
_After = Annotated[int, QueryParameter(ge=0, le=2**53)]


@get(
    "/v1/audit",
    opt={"roles": {"read"}},
    responses=told(400, 401, 403, 422, 503),
    tags=["controls"],
    summary="Audit log",
)
async def read_audit(
    site: TheSite, request: ApiRequest, partition: _Partition = 0, after: _After = 0, limit: AskedLimit = 100
) -> AuditPage:
    """Give a partition's records after a number, in order, with head and anchor; an empty list is the end."""
    request.user.check_unbound()
    return await site.ports.audit.page(partition, after, min(limit, site.options.limits.page))


handlers: list[BaseRouteHandler] = [read_audit]

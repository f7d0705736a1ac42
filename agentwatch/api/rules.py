"""The rules in force, and what each of them matched."""

from litestar import get
from litestar.handlers import BaseRouteHandler

from agentwatch.api.problems import told
from agentwatch.api.site import ApiRequest, TheSite
from agentwatch.views import RulesView

__all__ = ["handlers"]


@get("/v1/rules", opt={"roles": {"read"}}, responses=told(401, 403), tags=["controls"], summary="List the rules")
async def list_rules(site: TheSite, request: ApiRequest) -> RulesView:
    """List the rules in the order in which they are asked, with what each matched since the policy was read."""
    request.user.check_unbound()
    return site.ports.decisions.rules()


handlers: list[BaseRouteHandler] = [list_rules]

"""Who asks what stands for one agent: the parameters of a guard's questions, with the defaults that events have."""

from litestar.di import NamedDependency, Provide
from msgspec import Struct

from agentwatch.api.asked import AskedLabel, AskedName
from agentwatch.api.site import ApiRequest, Site, TheSite
from agentwatch.records import Command

__all__ = ["Asking", "TheAsking", "of_one_agent"]


class Asking(Struct, frozen=True):
    """One agent, as its guard or a gateway names it; what was not named is empty, but for tenant and app."""

    agent: str
    tenant: str
    app: str
    run: str
    root_run: str
    task: str

    def standing(self, site: Site) -> Command | None:
        """Tell the hardest command that covers this agent now."""
        return site.ports.decisions.standing(
            site.covering(self.agent, self.tenant, self.app, self.run, self.root_run, self.task)
        )


async def _asking(
    site: TheSite,
    request: ApiRequest,
    agent: AskedName,
    tenant: AskedLabel = "",
    app: AskedLabel = "",
    run: AskedLabel = "",
    root_run: AskedLabel = "",
    task: AskedLabel = "",
) -> Asking:
    """Fill in what the token is bound to, and refuse what it is not."""
    tenant = tenant or request.user.tenant or site.options.default_tenant
    app = app or request.user.app or agent
    request.user.check_place(tenant, app)
    return Asking(agent, tenant, app, run, root_run, task)


TheAsking = NamedDependency[Asking]
of_one_agent = {"asking": Provide(_asking)}

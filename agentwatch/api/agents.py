"""Agents and runs, and why they are where they are.

A subject is a query parameter and never a part of the path: it holds slashes and percent-escapes, and servers and
proxies undo escapes in paths, after which `tenant/app/run/a%2Fb` can no longer be told from something else.
"""

from litestar import get
from litestar.handlers import BaseRouteHandler

from agentwatch import subject as subjects
from agentwatch.api.asked import AskedLabel, AskedLimit, AskedSubject
from agentwatch.api.problems import FieldProblem, Problem, told
from agentwatch.api.site import ApiRequest, TheSite
from agentwatch.views import AgentView, Explanation, RunView

__all__ = ["handlers"]

_READ = {"roles": {"read"}}
_REFUSALS = told(400, 401, 403, 404, 422)


def _unknown(subject: str) -> Problem:
    reason = "not tracked now: never seen, or ended and forgotten"
    return Problem(404, f"{subject}: {reason}"[:500], errors=(FieldProblem(field="subject", reason=reason),))


@get("/v1/agents", opt=_READ, responses=told(400, 401, 403), tags=["fleet"], summary="List agents")
async def list_agents(
    site: TheSite,
    request: ApiRequest,
    tenant: AskedLabel = "",
    app: AskedLabel = "",
    limit: AskedLimit = 1000,
) -> list[AgentView]:
    """List the tracked agents, the most expensive first."""
    user = request.user
    found = site.ports.fleet.agents(user.tenant_of(tenant) or None)
    kept = (a for a in found if user.covers(a.tenant, a.app) and (not app or a.app == app))
    return [agent for agent, _ in zip(kept, range(limit), strict=False)]


@get("/v1/agent", opt=_READ, responses=_REFUSALS, tags=["fleet"], summary="Show an agent")
async def read_agent(site: TheSite, request: ApiRequest, subject: AskedSubject) -> AgentView:
    """Show an agent with its signals and its runs."""
    request.user.check_subject(subject)
    found = site.ports.fleet.agent(subject)
    if found is None:
        raise _unknown(subject)
    return found


@get("/v1/runs", opt=_READ, responses=_REFUSALS, tags=["fleet"], summary="Show a run, or the runs of an agent")
async def list_runs(site: TheSite, request: ApiRequest, subject: AskedSubject) -> list[RunView]:
    """Show the run that the subject names, or all runs of the agent that it names, with signals and last steps."""
    request.user.check_subject(subject)
    if subjects.parse(subject)[0] == "agent":
        agent = site.ports.fleet.agent(subject)
        if agent is None:
            raise _unknown(subject)
        return list(agent.run_views)
    return [_run_of(site, subject)]


@get("/v1/run", opt=_READ, responses=_REFUSALS, tags=["fleet"], summary="Show a run")
async def read_run(site: TheSite, request: ApiRequest, subject: AskedSubject) -> RunView:
    """Show a run with its signals and last steps."""
    request.user.check_subject(subject)
    return _run_of(site, subject)


def _run_of(site: TheSite, subject: str) -> RunView:
    found = site.ports.fleet.run(subject)
    if found is None:
        raise _unknown(subject)
    return found


@get("/v1/explain", opt=_READ, responses=_REFUSALS, tags=["fleet"], summary="Say why a subject is where it is")
async def explain(site: TheSite, request: ApiRequest, subject: AskedSubject) -> Explanation:
    """Give the signals, the repeated steps, what speaks for and against, and what held decisions back."""
    request.user.check_subject(subject)
    found = site.ports.fleet.explain(subject)
    if found is None:
        raise _unknown(subject)
    return found


handlers: list[BaseRouteHandler] = [list_agents, read_agent, list_runs, read_run, explain]

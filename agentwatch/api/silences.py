"""Silences: whose alerts are held, by whom, why, and until when."""

from litestar import delete, get, post
from litestar.handlers import BaseRouteHandler
from litestar.params import JSONBody

from agentwatch.api.allow import AllowRequest
from agentwatch.api.asked import AskedName, AskedSubject, AskedWhy
from agentwatch.api.problems import FieldProblem, Problem, told
from agentwatch.api.site import ApiRequest, TheSite
from agentwatch.api.wishing import wish
from agentwatch.ports import Accepted
from agentwatch.records import AllowEntry

__all__ = ["SilenceRequest", "handlers"]


class SilenceRequest(AllowRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tell nobody of subjects for `ttl_s` seconds. pattern: a subject, or a glob over subjects."""


@get("/v1/silences", opt={"roles": {"read"}}, responses=told(401, 403), tags=["controls"], summary="Show the silences")
async def list_silences(site: TheSite, request: ApiRequest) -> list[AllowEntry]:
    """List the silences that have not ended."""
    request.user.check_unbound()
    return list(site.ports.incidents.silences())


@post(
    "/v1/silences",
    opt={"roles": {"operator"}},
    responses=told(400, 401, 403, 415, 422, 503),
    tags=["controls"],
    summary="Silence a subject",
)
async def silence(site: TheSite, request: ApiRequest, data: JSONBody[SilenceRequest]) -> Accepted:
    """Hold the alerts about a pattern's subjects. What is decided about them, and done, goes on."""
    request.user.check_unbound()
    entry = data.entry(request.user.signs(data.author), site.clock())
    return await wish(site, request, "silence_add", data.author, data.comment, entry=entry)


@delete(
    "/v1/silences",
    opt={"roles": {"operator"}},
    status_code=200,
    responses=told(400, 401, 403, 404, 422, 503),
    tags=["controls"],
    summary="End a silence",
)
async def unsilence(
    site: TheSite, request: ApiRequest, pattern: AskedSubject, author: AskedName, reason: AskedWhy
) -> Accepted:
    """End the silence with exactly this pattern: what it held and still is so is told now."""
    request.user.check_unbound()
    if all(entry.pattern != pattern for entry in site.ports.incidents.silences()):
        raise Problem(404, "no such silence", errors=(FieldProblem(field="pattern", reason="is not silenced"),))
    return await wish(site, request, "silence_remove", author, reason, target=pattern)


handlers: list[BaseRouteHandler] = [list_silences, silence, unsilence]

"""Decisions: list, show, add by hand, revoke."""

from typing import Annotated, Literal

from litestar import delete, get, post
from litestar.handlers import BaseRouteHandler
from litestar.params import FromQuery, JSONBody
from msgspec import Meta, Struct, structs

from agentwatch.api.asked import (
    AskedId,
    AskedLabel,
    AskedLimit,
    AskedName,
    AskedPosition,
    AskedWhy,
    WantedLevel,
    WantedSubject,
)
from agentwatch.api.problems import FieldProblem, Problem, told
from agentwatch.api.site import ApiRequest, TheSite
from agentwatch.api.wishing import Why, wish
from agentwatch.ports import Accepted
from agentwatch.records import Decision, Level, Name
from agentwatch.views import DecisionFilter, Page

__all__ = ["DecisionRequest", "handlers"]

_LEVELS = {"throttle": Level.throttle, "pause": Level.pause, "kill": Level.kill, "resume": Level.observe}


class DecisionRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An operator's decision. ttl_s: how long it stands, in seconds. limit: of a throttle, in calls a minute.

    whole_tenant: a subject that is a bare word is meant to be a whole tenant; without it such a one is refused.
    """

    subject: Annotated[str, Meta(min_length=1, max_length=2048, examples=["acme/crew/root/run-17"])]
    cmd: Annotated[Literal["throttle", "pause", "kill", "resume"], Meta(examples=["pause"])]
    author: Annotated[Name, Meta(examples=["alice"])]
    reason: Annotated[Why, Meta(examples=["same PDF since Monday"])]
    ttl_s: Annotated[float, Meta(gt=0, le=31_536_000, examples=[3600])] | None = None
    limit: Annotated[float, Meta(gt=0, le=1_000_000, examples=[6])] | None = None
    whole_tenant: bool = False


@get(
    "/v1/decisions",
    opt={"roles": {"read"}},
    responses=told(400, 401, 403, 422, 503),
    tags=["decisions"],
    summary="List",
)
async def list_decisions(
    site: TheSite,
    request: ApiRequest,
    tenant: AskedLabel = "",
    subject: WantedSubject = "",
    agent: AskedLabel = "",
    level: WantedLevel = None,
    active: FromQuery[bool] = False,
    before: AskedPosition = "",
    limit: AskedLimit = 100,
) -> Page:
    """List decisions, newest first; `next` of the answer is the `before` of the following page, "" at the end.

    A page of a token that is bound to an app may be shorter than `limit` while `next` goes on.
    """
    user = request.user
    page = await site.ports.decisions.decisions(
        DecisionFilter(
            tenant=user.tenant_of(tenant),
            subject=subject,
            agent=agent,
            level=Level[level] if level is not None else None,
            active=active,
            before=before,
            limit=min(limit, site.options.limits.page),
        )
    )
    return structs.replace(page, decisions=tuple(d for d in page.decisions if user.covers(d.tenant, d.app)))


@get(
    "/v1/decisions/{id:str}",
    opt={"roles": {"read"}},
    responses=told(400, 401, 403, 404, 503),
    tags=["decisions"],
    summary="Show one decision",
)
async def read_decision(site: TheSite, request: ApiRequest, id: AskedId) -> Decision:
    """Show one decision with its reason and evidence."""
    return await _find(site, request, id)


async def _find(site: TheSite, request: ApiRequest, id: str) -> Decision:
    found = await site.ports.decisions.decision(id)
    if found is None or not request.user.covers(found.tenant, found.app):
        raise Problem(404, "no such decision in the log", errors=(FieldProblem(field="id", reason="not found"),))
    return found


@post(
    "/v1/decisions",
    opt={"roles": {"operator"}},
    responses=told(400, 401, 403, 415, 422, 503),
    tags=["decisions"],
    summary="Throttle, pause, kill or resume by hand",
)
async def add_decision(site: TheSite, request: ApiRequest, data: JSONBody[DecisionRequest]) -> Accepted:
    """Decide by hand, and answer when it is committed. The gate may still hold it back: see `decision.gate`."""
    user = request.user
    user.check_subject(data.subject)
    if data.limit is not None and data.cmd != "throttle":
        raise Problem(
            422, "limit: only a throttle has one", errors=(FieldProblem(field="limit", reason="no throttle"),)
        )
    return await wish(
        site,
        request,
        "decide",
        data.author,
        data.reason,
        subject=data.subject,
        level=_LEVELS[data.cmd],
        ttl_s=data.ttl_s,
        limit=data.limit,
        whole_tenant=data.whole_tenant,
    )


@delete(
    "/v1/decisions/{id:str}",
    opt={"roles": {"operator"}},
    status_code=200,
    responses=told(400, 401, 403, 404, 422, 503),
    tags=["decisions"],
    summary="Revoke a decision",
)
async def revoke_decision(
    site: TheSite, request: ApiRequest, id: AskedId, author: AskedName, reason: AskedWhy
) -> Accepted:
    """Revoke a decision: what it commanded stands no longer, and agents are told so."""
    found = await _find(site, request, id)
    return await wish(site, request, "delete", author, reason, subject=found.subject, target=id)


handlers: list[BaseRouteHandler] = [list_decisions, read_decision, add_decision, revoke_decision]

"""The allow list: what must not be touched, by whom, why, and until when."""

from typing import Annotated

from litestar import delete, get, post
from litestar.handlers import BaseRouteHandler
from litestar.params import JSONBody
from msgspec import Meta, Struct

from agentwatch.api.asked import AskedName, AskedSubject, AskedWhy
from agentwatch.api.problems import FieldProblem, Problem, told
from agentwatch.api.site import ApiRequest, TheSite
from agentwatch.api.wishing import Why, wish
from agentwatch.ports import Accepted
from agentwatch.records import AllowEntry, Name

__all__ = ["AllowRequest", "handlers"]

_Pattern = Annotated[str, Meta(min_length=1, max_length=2048)]


class AllowRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Leave subjects alone for `ttl_s` seconds. pattern: a subject, or a glob over subjects."""

    pattern: Annotated[_Pattern, Meta(examples=["acme/crew/agent/nightly-*"])]
    author: Name
    comment: Why
    ttl_s: Annotated[float, Meta(gt=0, le=31_536_000, examples=[3600])]

    def entry(self, author: str, now: float) -> AllowEntry:
        """Make the entry that ends `ttl_s` seconds from now; author: whose name it bears."""
        return AllowEntry(
            pattern=self.pattern, author=author, comment=self.comment, created_at=now, expires_at=now + self.ttl_s
        )


@get("/v1/allow", opt={"roles": {"read"}}, responses=told(401, 403), tags=["controls"], summary="Show the allow list")
async def list_allowed(site: TheSite, request: ApiRequest) -> list[AllowEntry]:
    """List the entries that have not expired."""
    request.user.check_unbound()
    return list(site.ports.operations.allow_list())


@post(
    "/v1/allow",
    opt={"roles": {"operator"}},
    responses=told(400, 401, 403, 415, 422, 503),
    tags=["controls"],
    summary="Allow a subject",
)
async def allow(site: TheSite, request: ApiRequest, data: JSONBody[AllowRequest]) -> Accepted:
    """Put a pattern on the list. What stands against its subjects is taken back."""
    request.user.check_unbound()
    entry = data.entry(request.user.signs(data.author), site.clock())
    return await wish(site, request, "allow_add", data.author, data.comment, entry=entry)


@delete(
    "/v1/allow",
    opt={"roles": {"operator"}},
    status_code=200,
    responses=told(400, 401, 403, 404, 422, 503),
    tags=["controls"],
    summary="Take a subject off the allow list",
)
async def disallow(
    site: TheSite, request: ApiRequest, pattern: AskedSubject, author: AskedName, reason: AskedWhy
) -> Accepted:
    """Take the entry with exactly this pattern off the list."""
    request.user.check_unbound()
    if all(entry.pattern != pattern for entry in site.ports.operations.allow_list()):
        raise Problem(404, "no such entry", errors=(FieldProblem(field="pattern", reason="not on the list"),))
    return await wish(site, request, "allow_remove", author, reason, target=pattern)


handlers: list[BaseRouteHandler] = [list_allowed, allow, disallow]

"""The callers of this API: who they are, and the ways in and out for them."""

from typing import Annotated

from litestar import delete, get, post
from litestar.handlers import BaseRouteHandler
from litestar.params import JSONBody, PathParameter
from msgspec import Meta, Struct

from agentwatch.api.asked import AskedName, AskedWhy
from agentwatch.api.problems import FieldProblem, Problem, told
from agentwatch.api.site import ApiRequest, TheSite
from agentwatch.api.wishing import Why
from agentwatch.clients import Client, ClientName, ClientView, Digest, Role
from agentwatch.records import Label, Name

__all__ = ["ClientRequest", "handlers"]

_OPERATOR = {"roles": {"operator"}}
_ClientId = Annotated[str, PathParameter(min_length=1, max_length=64)]


class ClientRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new caller. sha256: of its token, which stays with who drew it. ttl_s: how long it holds, in seconds."""

    name: Annotated[ClientName, Meta(examples=["gateway"])]
    roles: Annotated[tuple[Role, ...], Meta(min_length=1, max_length=4, examples=[["guard"]])]
    sha256: Annotated[Digest, Meta(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])]
    author: Name
    reason: Why
    tenant: Label = ""
    app: Label = ""
    ttl_s: Annotated[float, Meta(gt=0, le=315_360_000, examples=[86400])] | None = None


@get("/v1/clients", opt=_OPERATOR, responses=told(401, 403), tags=["controls"], summary="List the callers")
async def list_clients(site: TheSite, request: ApiRequest) -> list[ClientView]:
    """List who may call, what it may do and where, when it was made and last used. Nothing of its token is told."""
    request.user.check_unbound()
    return list(site.ports.clients.listed())


@post(
    "/v1/clients",
    opt=_OPERATOR,
    responses=told(400, 401, 403, 415, 422, 503),
    tags=["controls"],
    summary="Admit a caller",
)
async def add_client(site: TheSite, request: ApiRequest, data: JSONBody[ClientRequest]) -> ClientView:
    """Admit a caller at once. Draw the token yourself and send its SHA-256: the daemon never sees it before its use."""
    request.user.check_unbound()
    if data.app and not data.tenant:
        reason = "a client bound to an app names its tenant too"
        raise Problem(422, reason, errors=(FieldProblem(field="tenant", reason=reason),))
    now = site.clock()
    client = Client(
        name=data.name,
        roles=tuple(dict.fromkeys(data.roles)),
        sha256=data.sha256,
        tenant=data.tenant,
        app=data.app,
        created_at=now,
        created_by=request.user.signs(data.author),
        expires_at=now + data.ttl_s if data.ttl_s is not None else 0.0,
    )
    await site.ports.clients.add(client, data.reason)
    return next(view for view in site.ports.clients.listed() if view.name == data.name)


@delete(
    "/v1/clients/{name:str}",
    opt=_OPERATOR,
    status_code=200,
    responses=told(400, 401, 403, 404, 422, 503),
    tags=["controls"],
    summary="Shut a caller out",
)
async def revoke_client(
    site: TheSite, request: ApiRequest, name: _ClientId, author: AskedName, reason: AskedWhy
) -> ClientView:
    """Revoke a caller's token, one that the configuration names too. Streams that it holds open end."""
    request.user.check_unbound()
    if all(view.name != name for view in site.ports.clients.listed()):
        raise Problem(404, "no such client", errors=(FieldProblem(field="name", reason="not found"),))
    return await site.ports.clients.revoke(name, request.user.signs(author), reason)


handlers: list[BaseRouteHandler] = [list_clients, add_client, revoke_client]

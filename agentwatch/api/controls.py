"""The daemon's own controls: its mode, and the breaker that limits what it may do."""

from typing import Annotated, Literal

from litestar import get, post, put
from litestar.handlers import BaseRouteHandler
from litestar.params import JSONBody
from msgspec import Meta, Struct

from agentwatch.api.problems import told
from agentwatch.api.site import ApiRequest, TheSite
from agentwatch.api.wishing import Why, wish
from agentwatch.ports import Accepted
from agentwatch.records import Label, Name
from agentwatch.views import BreakerView, ModeView

__all__ = ["BreakerReset", "ModeRequest", "handlers"]

_READ = {"roles": {"read"}}
_WRITE = {"roles": {"operator"}}


class ModeRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Set the global mode, or that of one rule."""

    mode: Annotated[Literal["enforce", "observe"], Meta(examples=["observe"])]
    author: Name
    reason: Why
    rule: Label = ""


class BreakerReset(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Close a breaker again: `scope` names it, "" is all."""

    author: Name
    reason: Why
    scope: Label = ""


@get("/v1/mode", opt=_READ, responses=told(401, 403), tags=["controls"], summary="Tell the mode")
async def read_mode(site: TheSite, request: ApiRequest) -> ModeView:
    """Tell whether decisions are enforced or only observed, globally and by rule."""
    request.user.check_unbound()
    mode, rules = site.ports.operations.mode()
    return ModeView(mode=mode, rules=rules)


@put("/v1/mode", opt=_WRITE, responses=told(400, 401, 403, 415, 422, 503), tags=["controls"], summary="Set the mode")
async def set_mode(site: TheSite, request: ApiRequest, data: JSONBody[ModeRequest]) -> Accepted:
    """Set the mode, and answer when it is committed."""
    request.user.check_unbound()
    return await wish(site, request, "mode", data.author, data.reason, target=data.rule, value=data.mode)


@get("/v1/breaker", opt=_READ, responses=told(401, 403), tags=["controls"], summary="Show the breakers")
async def list_breakers(site: TheSite, request: ApiRequest) -> list[BreakerView]:
    """Show how many kills each breaker has let through in its window, and whether it is open."""
    request.user.check_unbound()
    return list(site.ports.operations.breakers())


@post(
    "/v1/breaker/reset",
    opt=_WRITE,
    status_code=200,
    responses=told(400, 401, 403, 415, 422, 503),
    tags=["controls"],
    summary="Close a breaker again",
)
async def reset_breaker(site: TheSite, request: ApiRequest, data: JSONBody[BreakerReset]) -> Accepted:
    """Close a breaker before its time: kills that it held back are decided anew."""
    request.user.check_unbound()
    return await wish(site, request, "breaker_reset", data.author, data.reason, target=data.scope)


handlers: list[BaseRouteHandler] = [read_mode, set_mode, list_breakers, reset_breaker]

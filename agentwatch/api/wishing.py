"""What an operator asks for over HTTP, on its way to become an input of the partition."""

from typing import Annotated, TypedDict, Unpack

from msgspec import Meta

from agentwatch.api.site import ApiRequest, Site
from agentwatch.ports import Accepted
from agentwatch.records import AllowEntry, Control, ControlKind, Level

__all__ = ["Wanted", "Why", "wish"]

Why = Annotated[str, Meta(min_length=1, max_length=2000)]  # of a body; `AskedWhy` is the same of a query


class Wanted(TypedDict, total=False):
    """The fields of a control that depend on its kind."""

    subject: str
    level: Level
    ttl_s: float | None
    limit: float | None
    whole_tenant: bool
    target: str
    value: str
    entry: AllowEntry


async def wish(
    site: Site, request: ApiRequest, kind: ControlKind, author: str, reason: str, **wanted: Unpack[Wanted]
) -> Accepted:
    """Pass a control on under the name that the caller's token vouches for, and answer when it is committed."""
    signed = request.user.signs(author)
    control = Control(id=site.new_id(), kind=kind, at=site.clock(), author=signed, reason=reason, **wanted)
    return await site.ports.operations.submit(control)

"""Acknowledgements of guards and other enforcers that reach agentwatch over HTTP only."""

from litestar import post
from litestar.handlers import BaseRouteHandler
from litestar.params import JSONBody
from msgspec import Struct

from agentwatch.api.problems import FieldProblem, Problem, told
from agentwatch.api.site import ApiRequest, TheSite
from agentwatch.records import Ack

__all__ = ["AcksAccepted", "handlers"]


class AcksAccepted(Struct, frozen=True, kw_only=True):
    """How many acknowledgements were taken."""

    accepted: int


@post(
    "/v1/acks",
    opt={"roles": {"guard"}},
    status_code=202,
    responses=told(400, 401, 403, 415, 422, 503),
    tags=["guard"],
    summary="Acknowledge commands",
)
async def post_acks(site: TheSite, request: ApiRequest, data: JSONBody[list[Ack] | Ack]) -> AcksAccepted:
    """Take one acknowledgement or a list of them: all, or none where one is wrong."""
    acks = data if isinstance(data, list) else [data]
    for at, ack in enumerate(acks):
        if not ack.command or max(len(ack.command), len(ack.subject), len(ack.reason)) > 2048:
            reason = "empty, or longer than 2048 characters"
            raise Problem(422, reason, errors=(FieldProblem(field="command", reason=reason, index=at),))
        request.user.check_answer(ack.subject, ack.tenant, ack.app)
    await site.ports.acks.acknowledge(acks)
    return AcksAccepted(accepted=len(acks))


handlers: list[BaseRouteHandler] = [post_acks]

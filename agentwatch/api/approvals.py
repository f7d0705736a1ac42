"""What waits for an operator's word: list it, let it pass, or drop it."""

from typing import Annotated

from litestar import get, post
from litestar.handlers import BaseRouteHandler
from litestar.params import JSONBody
from msgspec import Meta, Struct

from agentwatch.api.problems import FieldProblem, Problem, told
from agentwatch.api.site import ApiRequest, TheSite
from agentwatch.api.wishing import Why, wish
from agentwatch.ports import Accepted
from agentwatch.records import ControlKind, Name
from agentwatch.views import ApprovalView

__all__ = ["ApprovalAnswer", "handlers"]

_Target = Annotated[str, Meta(min_length=1, max_length=2048, examples=["acme/crew/run/run-1"])]
_TOLD = told(400, 401, 403, 404, 415, 422, 503)


class ApprovalAnswer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An operator's answer. target: the decision's id, or its subject."""

    target: _Target
    author: Name
    reason: Why


@get("/v1/approvals", opt={"roles": {"read"}}, responses=told(401, 403), tags=["controls"], summary="What waits")
async def list_approvals(site: TheSite, request: ApiRequest) -> list[ApprovalView]:
    """List the decisions that wait for approval, oldest first, with what comes when nobody answers."""
    request.user.check_unbound()
    return list(site.ports.operations.approvals())


@post("/v1/approvals/approve", opt={"roles": {"operator"}}, status_code=200, responses=_TOLD, tags=["controls"],
      summary="Let a decision pass")  # fmt: skip
async def approve(site: TheSite, request: ApiRequest, data: JSONBody[ApprovalAnswer]) -> Accepted:
    """Let a decision take effect that waits for approval: it is the approver's from then on, as if by hand."""
    return await _answer(site, request, data, "approve")


@post("/v1/approvals/deny", opt={"roles": {"operator"}}, status_code=200, responses=_TOLD, tags=["controls"],
      summary="Drop a decision")  # fmt: skip
async def deny(site: TheSite, request: ApiRequest, data: JSONBody[ApprovalAnswer]) -> Accepted:
    """Drop a decision that waits for approval; the subject goes on, and only what grows beyond it counts."""
    return await _answer(site, request, data, "deny")


async def _answer(site: TheSite, request: ApiRequest, data: ApprovalAnswer, kind: ControlKind) -> Accepted:
    request.user.check_unbound()
    waiting = (one.decision for one in site.ports.operations.approvals())
    asked = next((d for d in waiting if data.target in (d.id, d.subject)), None)
    if asked is None:
        raise Problem(404, "nothing waits", errors=(FieldProblem(field="target", reason="does not wait"),))
    return await wish(site, request, kind, data.author, data.reason, subject=asked.subject, target=data.target)


handlers: list[BaseRouteHandler] = [list_approvals, approve, deny]

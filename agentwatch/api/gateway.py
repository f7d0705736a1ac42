"""The question that a gateway asks before each call of an agent, answered from memory."""

import math

from litestar import get
from litestar.handlers import BaseRouteHandler
from msgspec import Struct

from agentwatch.api.asking import TheAsking, of_one_agent
from agentwatch.api.problems import Problem, told
from agentwatch.api.site import Site, TheSite
from agentwatch.records import Command

__all__ = ["Admission", "handlers"]


class Admission(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The call may go on. cmd, limit (calls a minute), epoch: of a throttle that still has room."""

    allow: bool
    cmd: str = ""
    limit: float | None = None
    epoch: int | None = None


_FREE = Admission(allow=True)


@get(
    "/v1/decision",
    dependencies=of_one_agent,
    opt={"roles": {"guard", "read"}, "unmetered": True, "any_query": True},
    responses=told(400, 401, 403, 429, 503),
    tags=["guard"],
    summary="May this agent go on",
)
async def decide(site: TheSite, asking: TheAsking) -> Admission:
    """Answer 200, 429 with `Retry-After` (throttled or paused), or 403 with `x-should-retry: false` (killed).

    A throttle lets `limit` questions a minute through, counted here for the subject as a whole. The 403 is what
    client libraries do not retry; its problem type is `killed`, so that it is not taken for a missing role.
    """
    command = asking.standing(site)
    if command is None or command.cmd == "resume":
        return _FREE
    if command.cmd == "kill":
        raise _refusal(command, 403, "killed", {"x-should-retry": "false"})
    if command.cmd == "pause":
        raise _refusal(command, 429, "paused", {"Retry-After": str(_pause_s(site, command))})
    return _throttled(site, command)


def _throttled(site: Site, command: Command) -> Admission:
    limit = site.options.throttle_per_minute if command.limit is None else command.limit
    if limit <= 0:
        raise _refusal(command, 429, "throttled", {"Retry-After": str(_pause_s(site, command))})
    wait_s = site.throttles.take(command.subject, per_s=limit / 60.0)
    if wait_s > 0:
        raise _refusal(command, 429, "throttled", {"Retry-After": str(math.ceil(wait_s))})
    return Admission(allow=True, cmd="throttle", limit=limit, epoch=command.epoch)


def _pause_s(site: Site, command: Command) -> int:
    left_s = command.expires_at - site.clock()
    return max(1, min(site.options.pause_retry_s, math.ceil(left_s)))


def _refusal(command: Command, status: int, kind: str, headers: dict[str, str]) -> Problem:
    return Problem(
        status,
        command.reason,
        kind=kind,
        title=f"The agent is {kind}",
        headers=headers,
        cmd=command.cmd,
        subject=command.subject,
        incident=command.incident,
        epoch=command.epoch,
        expires_at=command.expires_at,
    )


handlers: list[BaseRouteHandler] = [decide]

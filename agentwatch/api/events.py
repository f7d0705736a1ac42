"""Usage events from producers without Redis: one, an array, or newline-delimited."""

from litestar import post
from litestar.handlers import BaseRouteHandler
from msgspec import Struct

from agentwatch.api.bounds import content_type
from agentwatch.api.problems import FieldProblem, Problem, told
from agentwatch.api.site import ApiRequest, Site, TheSite
from agentwatch.api.split import Piece, TooMany, split_json, split_lines
from agentwatch.counting import counted
from agentwatch.errors import BadInput
from agentwatch.observe import metrics
from agentwatch.ports import IngestResult

__all__ = ["EVENT_TYPES", "EventsAccepted", "handlers"]

_LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"})
EVENT_TYPES = _LINES | {"application/json"}


class EventsAccepted(Struct, frozen=True, kw_only=True):
    """All events were written. ids: their entries in the stream, in the order sent."""

    accepted: int
    ids: tuple[str, ...]


@post(
    "/v1/events",
    opt={"roles": {"producer"}, "content_types": EVENT_TYPES, "events": True},
    status_code=202,
    responses=told(400, 401, 403, 408, 413, 415, 422, 429, 503),
    tags=["events"],
    summary="Send usage events",
)
async def post_events(site: TheSite, request: ApiRequest) -> EventsAccepted:
    """Write events to the stream: an object, an array of them, or one a line (`application/x-ndjson`).

    202 means that all were written. 422 names each bad one by `index` (and `line`), `field` and reason; the good
    ones among them **were** written, `accepted` says how many: do not send those again. After any other refusal
    nothing is certain to be written: send all again, with their own `id`s they count once.
    """
    limits = site.options.limits
    body = await request.body()
    split = split_lines if content_type(dict(request.scope["headers"])) in _LINES else split_json
    try:
        pieces = split(body, limits.events)
    except TooMany as error:
        raise Problem(413, error.reason, errors=(FieldProblem(field="", reason=error.reason),)) from None
    except BadInput as error:
        raise Problem(400, error.reason, errors=(FieldProblem(field="", reason=error.reason),)) from None
    if not pieces:
        raise Problem(400, "there is no event in the body", errors=(FieldProblem(field="", reason="empty"),))
    fitting = [piece for piece in pieces if len(piece.raw) <= limits.event_bytes]
    user = request.user
    results = await site.ports.ingest.put([p.raw for p in fitting], user.tenant, user.app) if fitting else []
    return _answer(site, pieces, {p.index: r for p, r in zip(fitting, results, strict=True)})


def _answer(site: Site, pieces: list[Piece], results: dict[int, IngestResult]) -> EventsAccepted:
    too_long = IngestResult(reason=f"longer than {site.options.limits.event_bytes} bytes")
    told_of = [(piece, results.get(piece.index, too_long)) for piece in pieces]
    good = tuple(result.id for _, result in told_of if not result.reason)
    bad = [(piece, result) for piece, result in told_of if result.reason]
    metrics().http_intake.labels("accepted").inc(len(good))
    if not bad:
        return EventsAccepted(accepted=len(good), ids=good)
    metrics().http_intake.labels("refused").inc(len(bad))
    raise Problem(
        422,
        f"{len(bad)} of {counted(len(pieces), 'event')} cannot be read; {counted(len(good), 'was', 'were')} written",
        kind="bad-events",
        errors=tuple(
            FieldProblem(field=result.field, reason=result.reason[:500], index=piece.index, line=piece.line or None)
            for piece, result in bad[: site.options.limits.errors_told]
        ),
        accepted=len(good),
        errors_total=len(bad),
    )


handlers: list[BaseRouteHandler] = [post_events]

"""Errors as problem details (RFC 9457): every refusal says what, why and which field, and no refusal is a surprise.

`type` is `urn:agentwatch:problem:<kind>`; the kinds are listed in docs/api.md.
"""

import re
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Struct, structs

from agentwatch.errors import AgentwatchError, BadInput, Fenced, Incompatible, Unavailable
from agentwatch.observe import metrics, redacted

__all__ = ["PROBLEM_TYPE", "FieldProblem", "Problem", "ProblemBody", "answer", "exception_handlers", "told"]

PROBLEM_TYPE = "application/problem+json"
_log = structlog.get_logger(__name__)
_MISSING = re.compile(r"^Missing required \w+ parameter '([^']{1,64})'")
_BODY_PATH = re.compile(r" - at `\$\.data\.?(.*)`$")
_INNER = re.compile(r"Object (missing required|contains unknown) field `(.+)`")
_KINDS = {
    400: "malformed",
    401: "no-token",
    403: "not-allowed",
    404: "not-found",
    405: "method-not-allowed",
    408: "too-slow",
    413: "too-large",
    415: "wrong-content-type",
    422: "wrong-value",
    429: "too-many-requests",
    500: "internal",
    503: "unavailable",
}


class FieldProblem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One wrong value: where it is, and what is wrong with it.

    field: in dotted form, "" is the whole. index: 0-based, of an event in the request. line: 1-based, of NDJSON.
    """

    field: str
    reason: str
    index: int | None = None
    line: int | None = None


class ProblemBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Problem details (RFC 9457). accepted, errors_total: of a request with several events."""

    type: str
    title: str
    status: int
    detail: str = ""
    instance: str = ""
    errors: tuple[FieldProblem, ...] = ()
    accepted: int | None = None
    errors_total: int | None = None
    cmd: str = ""
    subject: str = ""
    incident: str = ""
    epoch: int | None = None
    expires_at: float | None = None


class Problem(HTTPException):
    """A refusal with its problem details; `body.instance` is filled in when it is answered."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str = "",
        title: str = "",
        errors: tuple[FieldProblem, ...] = (),
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail=detail, status_code=status, headers=headers)
        self.body = ProblemBody(
            type=f"urn:agentwatch:problem:{kind or _KINDS.get(status, 'http')}",
            title=title or HTTPStatus(status).phrase,
            status=status,
            detail=detail,
            errors=errors,
            **extra,
        )


def told(*statuses: int) -> dict[int, ResponseSpec]:
    """Describe these refusals in the schema, and 400: no route takes parameters that it does not know."""
    return {
        status: ResponseSpec(
            ProblemBody, generate_examples=False, description=HTTPStatus(status).phrase, media_type=PROBLEM_TYPE
        )
        for status in sorted({400, *statuses})
    }


def answer(request: Request[Any, Any, Any], problem: Problem) -> Response[ProblemBody]:
    """Make the answer of a refusal."""
    body = structs.replace(problem.body, instance=request.scope["path"][:512], detail=redacted(problem.body.detail))
    if "route_handler" not in request.scope:  # answered before any middleware could count it
        metrics().http_requests.labels("unmatched", "any", str(problem.status_code)).inc()
    return Response(body, status_code=problem.status_code, media_type=PROBLEM_TYPE, headers=problem.headers)


def _of_problem(request: Request[Any, Any, Any], error: Problem) -> Response[ProblemBody]:
    return answer(request, error)


def _of_validation(request: Request[Any, Any, Any], error: ValidationException) -> Response[ProblemBody]:
    found = error.extra if isinstance(error.extra, list) else []
    errors = tuple(_named(e.get("key", ""), e.get("message", ""), str(error.__cause__)) for e in found)
    if not errors and (missing := _MISSING.search(error.detail)):
        errors = (FieldProblem(field=missing[1], reason="is required"),)
    in_body = bool(found) and all(e.get("source") == "body" for e in found)
    detail = "; ".join(f"{e.field}: {e.reason}" if e.field else e.reason for e in errors) or error.detail
    return answer(request, Problem(422 if in_body else 400, detail[:1000], errors=errors))


def _named(key: str, message: str, cause: str) -> FieldProblem:
    """Find the field: in a body the cause has its path, and a missing or unknown field is in the message alone."""
    at = _BODY_PATH.search(cause)
    field = at[1] if at and (key == "data" or at[1].endswith(key)) else "" if key == "data" else key
    if inner := _INNER.search(message):
        field = f"{field}.{inner[2]}" if field else inner[2]
        message = "is required" if inner[1] == "missing required" else "is not known"
    return FieldProblem(field=field[:200], reason=message[:500])


def _of_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[ProblemBody]:
    detail = error.detail if error.status_code < 500 else ""
    return answer(request, Problem(error.status_code, detail[:1000], headers=error.headers))


def _of_input(request: Request[Any, Any, Any], error: BadInput) -> Response[ProblemBody]:
    errors = (FieldProblem(field=error.field, reason=error.reason),)
    return answer(request, Problem(422, str(error)[:1000], errors=errors))


def _of_depth(request: Request[Any, Any, Any], _error: RecursionError) -> Response[ProblemBody]:
    errors = (FieldProblem(field="", reason="nested too deeply"),)
    return answer(request, Problem(400, "the body is nested too deeply", errors=errors))


def _of_text(request: Request[Any, Any, Any], _error: UnicodeDecodeError) -> Response[ProblemBody]:
    errors = (FieldProblem(field="", reason="not UTF-8"),)
    return answer(request, Problem(400, "the body is not UTF-8", errors=errors))


def _of_own(request: Request[Any, Any, Any], error: AgentwatchError) -> Response[ProblemBody]:
    _log.warning("api_unavailable", path=request.scope["path"], error=str(error), kind=type(error).__name__)
    detail = {Fenced: "another worker owns the partition now", Incompatible: "stored state cannot be read"}.get(
        type(error), "the store does not answer; send the same again later"
    )
    return answer(request, Problem(503, detail, headers={"Retry-After": "2"}))


def _of_bug(request: Request[Any, Any, Any], error: Exception) -> Response[ProblemBody]:
    _log.error("api_failed", path=request.scope["path"], exc_info=error)
    return answer(request, Problem(500, "a fault of agentwatch; its log has the trace"))


exception_handlers: dict[int | type[Exception], Any] = {
    Problem: _of_problem,
    ValidationException: _of_validation,
    HTTPException: _of_http,
    BadInput: _of_input,
    Unavailable: _of_own,
    Fenced: _of_own,
    Incompatible: _of_own,
    RecursionError: _of_depth,
    UnicodeDecodeError: _of_text,
    Exception: _of_bug,
}

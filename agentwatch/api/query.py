"""Refuses query parameters that a route does not have: a misspelt filter would answer as if nothing were filtered."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from agentwatch.api.problems import FieldProblem, Problem

__all__ = ["KnownQuery"]

_TOLD = 8


class KnownQuery:
    """Holds a request's parameters against those that its handler and its dependencies take. A Litestar guard.

    A handler with `opt["any_query"]` takes any: what gateways and guards ask before a call must not fail for a name
    that a proxy, or a guard of another version, has added.
    """

    def __init__(self) -> None:
        self._known: dict[BaseRouteHandler, frozenset[str]] = {}

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        """Refuse unknown names with 400; it awaits nothing, as the guard before it."""
        if handler.opt.get("any_query") or not connection.scope["query_string"]:
            return
        known = self._known.get(handler)
        if known is None:
            known = self._known[handler] = _parameters(connection, handler)
        unknown = [name for name in dict.fromkeys(connection.query_params) if name not in known]
        if unknown:
            takes = ", ".join(sorted(known)) or "none"
            raise Problem(
                400,
                f"unknown query parameter {unknown[0][:100]!r}; this takes {takes}",
                errors=tuple(FieldProblem(field=name[:200], reason="is not known") for name in unknown[:_TOLD]),
            )


def _parameters(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> frozenset[str]:
    model = handler.create_kwargs_model(path_parameters=dict.fromkeys(connection.path_params))  # type: ignore[arg-type]  # only the names are looked at
    return frozenset(found.field_alias for found in model.expected_query_params)

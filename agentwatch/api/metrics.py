"""Prometheus metrics."""

from litestar import Response, get
from litestar.handlers import BaseRouteHandler

from agentwatch import observe

__all__ = ["handlers"]


@get(
    "/metrics",
    opt={"open_by": "metrics_without_token", "roles": {"read"}, "always": True},
    media_type="text/plain",
    tags=["health"],
    summary="Metrics",
)
async def read_metrics() -> Response[bytes]:
    """Give all metrics in Prometheus' text format."""
    return Response(observe.exposition(), headers={"content-type": observe.METRICS_TYPE})


handlers: list[BaseRouteHandler] = [read_metrics]

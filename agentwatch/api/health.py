"""Whether the process lives, and whether it is fit for work."""

from litestar import get
from litestar.handlers import BaseRouteHandler
from msgspec import Struct

from agentwatch.api.problems import FieldProblem, Problem, told
from agentwatch.api.site import TheSite
from agentwatch.views import ComponentHealth

__all__ = ["Alive", "Readiness", "handlers"]


class Alive(Struct, frozen=True, kw_only=True):
    """The process lives and its loop turns: otherwise there would be no answer."""

    status: str = "alive"


class Readiness(Struct, frozen=True, kw_only=True):
    """Every component works. Where one does not, the answer is a problem with status 503 that names it."""

    status: str = "ready"
    components: tuple[ComponentHealth, ...] = ()


@get(
    "/healthz",
    opt={"open_by": "health_without_token", "roles": {"read"}, "always": True},
    tags=["health"],
    summary="Is the process alive",
)
async def healthz() -> Alive:
    """Answer at once, from the same loop that does the work."""
    return Alive()


@get(
    "/readyz",
    opt={"open_by": "health_without_token", "roles": {"read"}, "always": True},
    responses=told(503),
    tags=["health"],
    summary="Is it fit for work",
)
async def readyz(site: TheSite) -> Readiness:
    """Hold every component (store, lag, watchdog …) to its own measure; 503 names those that fail."""
    components = site.ports.fleet.status().components
    failing = [c for c in components if not c.ok]
    if failing:
        raise Problem(
            503,
            "; ".join(f"{c.name}: {c.detail}" for c in failing),
            kind="not-ready",
            errors=tuple(FieldProblem(field=c.name, reason=c.detail) for c in failing),
            headers={"Retry-After": "5"},
        )
    return Readiness(components=components)


handlers: list[BaseRouteHandler] = [healthz, readyz]

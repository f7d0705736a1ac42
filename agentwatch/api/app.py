"""The control API, put together from ports."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin

from agentwatch import __version__
from agentwatch.api import (
    acks,
    agents,
    allow,
    approvals,
    audit,
    clients,
    controls,
    dead,
    decisions,
    events,
    gateway,
    health,
    incidents,
    metrics,
    partitions,
    rules,
    silences,
    status,
    streams,
    support,
)
from agentwatch.api.auth import Authenticator
from agentwatch.api.bounds import Bounds
from agentwatch.api.forward import Forward, forwarded
from agentwatch.api.options import ApiOptions, check_options
from agentwatch.api.problems import exception_handlers
from agentwatch.api.query import KnownQuery
from agentwatch.api.rates import Rates
from agentwatch.api.schema import openapi_config
from agentwatch.api.site import ApiPorts, Site
from agentwatch.api.wakes import Wakes
from agentwatch.errors import Elsewhere
from agentwatch.records import Command

__all__ = ["ApiPorts", "all_handlers", "create_app"]


class _MsgspecOnly(Litestar):
    """A Litestar without plugins for other records than ours: loading those of pydantic takes a quarter of a second."""

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return [*plugins, MsgspecDIPlugin()]


def create_app(
    ports: ApiPorts,
    options: ApiOptions,
    *,
    clock: Callable[[], float] = time.time,
    ticks: Callable[[], float] = time.monotonic,
    new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    sign: Callable[[Command], Command] = lambda command: command,
) -> Litestar:
    """Build the application; nothing runs before its lifespan starts. Raises `BadConfig`.

    `clock` gives unix seconds; `ticks` gives seconds that never jump, for rates.
    `sign` gives the commands of streams their signatures.
    `app.state.close_streams()` ends all open streams, which a server calls before it waits for connections to end.
    """
    check_options(options)
    wakes = Wakes(ports.decisions)
    site = Site(ports, options, clock, ticks, new_id, wakes, sign)
    limits, forward = options.limits, Forward(options)
    app = _MsgspecOnly(
        route_handlers=all_handlers(),
        dependencies={"site": Provide(lambda: site, sync_to_thread=False)},
        guards=[
            Authenticator(options, ports.clients, Rates(limits.requests_per_s, limits.requests_burst, ticks), clock),
            KnownQuery(),
        ],
        middleware=[Bounds(limits)],
        exception_handlers={**exception_handlers, Elsewhere: forwarded},
        request_max_body_size=None,  # `Bounds` has one limit for events and one for the rest
        openapi_config=openapi_config(__version__),
        lifespan=[_following(wakes), _forwarding(forward)],
        logging_config=None,
        debug=False,
    )
    app.state.close_streams = wakes.close
    app.state.forward = forward
    return app


def all_handlers() -> list[BaseRouteHandler]:
    """List every handler of the API."""
    found: list[BaseRouteHandler] = []
    asked = (health, metrics, status, partitions, agents, decisions, incidents, rules)
    for module in (
        *asked,
        gateway,
        streams,
        events,
        acks,
        controls,
        allow,
        silences,
        approvals,
        dead,
        clients,
        audit,
        support,
    ):
        found += module.handlers
    return found


def _following(wakes: Wakes) -> Callable[[Litestar], Any]:
    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        task = asyncio.create_task(wakes.run(), name="api-wakes")
        try:
            yield
        finally:
            wakes.close()
            task.cancel()
            await asyncio.wait({task}, timeout=1.0)

    return lifespan


def _forwarding(forward: Forward) -> Callable[[Litestar], Any]:
    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await forward.aclose()

    return lifespan

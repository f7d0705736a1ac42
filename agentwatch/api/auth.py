"""Who calls, and what they may do: bearer tokens with roles, and the loopback exception.

A handler states its roles in `opt["roles"]`, and in `opt["open_by"]` the option that opens it to everybody; one that
states neither is closed.
"""

import ipaddress
from collections.abc import Mapping
from typing import Any

import structlog
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from msgspec import Struct

from agentwatch import subject as subjects
from agentwatch.api.options import ApiOptions
from agentwatch.api.problems import FieldProblem, Problem
from agentwatch.api.rates import Rates
from agentwatch.api.tokens import hash_token
from agentwatch.clients import Clients, Role
from agentwatch.observe import metrics

__all__ = ["Authenticator", "Identity"]

_log = structlog.get_logger(__name__)
_FORWARDING = frozenset({"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"})
_ALL_ROLES: frozenset[Role] = frozenset({"producer", "guard", "operator", "read"})


class Identity(Struct, frozen=True):
    """Who calls: the token's name and digest ("" on loopback without one), its roles, and what it is bound to."""

    name: str
    roles: frozenset[Role]
    tenant: str = ""
    app: str = ""
    digest: str = ""

    def signs(self, author: str) -> str:
        """Name the author of a change so that the log tells which token vouched for the name."""
        return f"{author} (token {self.name})" if self.name else author

    def tenant_of(self, asked: str) -> str:
        """Answer for which tenant to list: the asked one, or the one that the token is bound to."""
        if self.tenant and asked and asked != self.tenant:
            raise _outside("tenant", f"this token is bound to tenant {self.tenant!r}")
        return asked or self.tenant

    def covers(self, tenant: str, app: str) -> bool:
        """Tell whether the token may see what belongs to this tenant and app."""
        return (not self.tenant or tenant == self.tenant) and (not self.app or app == self.app)

    def check_place(self, tenant: str, app: str) -> None:
        """Refuse a tenant or app that the token is not bound to."""
        if self.tenant and tenant != self.tenant:
            raise _outside("tenant", f"this token is bound to tenant {self.tenant!r}")
        if self.app and app != self.app:
            raise _outside("app", f"this token is bound to app {self.app!r}")

    def check_subject(self, subject: str) -> None:
        """Refuse what is no subject, and a subject outside of what the token is bound to."""
        _, tenant, app, _ = subjects.parse(subject)
        if not self.covers(tenant, app):
            raise _outside("subject", f"this token is bound to {self.tenant}{'/' if self.app else ''}{self.app}")

    def check_answer(self, subject: str, tenant: str, app: str) -> None:
        """Refuse an answer to a command that does not cover what the token is bound to, or in another's name.

        A tenant's command covers its apps, so a guard of one app answers it.
        """
        _, of_tenant, of_app, _ = subjects.parse(subject)
        if (self.tenant and of_tenant != self.tenant) or (self.app and of_app not in ("", self.app)):
            raise _outside("subject", f"this token is bound to {self.tenant}{'/' if self.app else ''}{self.app}")
        self.check_place(tenant or of_tenant, app or self.app)

    def check_unbound(self) -> None:
        """Refuse a bound token where the answer or the change concerns everybody."""
        if self.tenant:
            raise Problem(403, "this concerns every tenant, and the token is bound to one", kind="bound-token")


def _outside(field: str, reason: str) -> Problem:
    return Problem(403, reason, kind="bound-token", errors=(FieldProblem(field=field, reason=reason),))


class Authenticator:
    """Finds the caller's identity and holds it against the roles of the route. `__call__` is a Litestar guard."""

    def __init__(self, options: ApiOptions, clients: Clients, rates: Rates, clock: Any) -> None:
        self._options = options
        self._clients = clients
        self._rates = rates
        self._clock = clock

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        """Set the caller's identity on the connection, or refuse.

        It awaits nothing; were it not a coroutine, Litestar would run it in a thread.
        """
        opt: Mapping[str, Any] = handler.opt
        if "open_by" in opt and getattr(self._options, opt["open_by"]):
            connection.scope["user"] = Identity("", frozenset())
            return
        identity = self._identify(connection)
        if identity.roles.isdisjoint(opt.get("roles", ())):
            metrics().http_refused.labels("role").inc()
            wanted = " or ".join(sorted(opt.get("roles", ())))
            raise Problem(403, f"this needs the role {wanted}", kind="wrong-role")
        if not opt.get("unmetered"):
            self._meter(identity)
        connection.scope["user"] = identity

    def _identify(self, connection: ASGIConnection[Any, Any, Any, Any]) -> Identity:
        given = connection.headers.get("authorization")
        if given is not None:
            return self._of_token(given)
        if self._options.loopback_without_token and _is_direct_loopback(connection):
            return Identity("", _ALL_ROLES)
        raise _unauthorized("send `Authorization: Bearer <token>`", "no_token")

    def _of_token(self, given: str) -> Identity:
        scheme, _, token = given.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthorized("send `Authorization: Bearer <token>`", "scheme")
        # Found by digest, in a table: what a look-up's time may tell of a digest is of no use without the token.
        found = self._clients.find(hash_token(token.strip()))
        if found is None:
            raise _unauthorized("the token is not known", "unknown_token")
        now = self._clock()
        ended = found.ended(now)
        if ended:
            words = {"expired": "the token has expired", "revoked": "the token was revoked"}[ended]
            raise _unauthorized(words, f"{ended}_token")
        self._clients.note(found.name, now)
        roles: frozenset[Role] = (
            frozenset((*found.roles, "read")) if "operator" in found.roles else frozenset(found.roles)
        )
        return Identity(found.name, roles, found.tenant, found.app, found.sha256)

    def _meter(self, identity: Identity) -> None:
        wait_s = self._rates.take(identity.name)
        if wait_s > 0:
            metrics().http_refused.labels("rate").inc()
            raise Problem(429, "too many requests with this token", headers={"Retry-After": str(int(wait_s) + 1)})


def _unauthorized(detail: str, cause: str) -> Problem:
    metrics().http_refused.labels(cause).inc()
    _log.debug("api_unauthorized", cause=cause)
    return Problem(401, detail, headers={"WWW-Authenticate": 'Bearer realm="agentwatch"'})


def _is_direct_loopback(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Tell whether a process on this machine calls for itself: no proxy between, and no web page behind it.

    A page in a browser on this machine reaches loopback too: its requests carry the page's `Origin`, or, after DNS
    rebinding, the page's name as `Host`.
    """
    client = connection.client
    if client is None or not _is_loopback(client.host):
        return False
    headers = connection.headers
    if any(name in headers for name in _FORWARDING):
        return False
    if not _is_loopback(_host_of(headers.get("host", ""))):
        return False
    origin = headers.get("origin")
    return origin is None or _is_loopback(_host_of(origin.rpartition("://")[2]))


def _host_of(authority: str) -> str:
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)

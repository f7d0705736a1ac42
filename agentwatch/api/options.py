"""What can be set about the control API: where it listens, whom it believes, and how much it takes."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from agentwatch.clients import Client, ClientName, Digest, Role
from agentwatch.errors import BadConfig

__all__ = ["ApiOptions", "LimitOptions", "Role", "TokenOptions", "check_options", "clients_of"]

_Whole = Annotated[int, Meta(ge=1)]
_Positive = Annotated[float, Meta(gt=0)]


class TokenOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One caller: what it may do, and where.

    sha256: hexadecimal digest of the token; the token itself is stored nowhere. A plain SHA-256 is right because a
    token is 256 random bits: nobody can guess it, so a slow hash would cost each request and protect nothing.
    tenant, app: the caller sees and touches nothing outside of them ("" = everything). expires_at: with its offset.
    """

    name: ClientName
    roles: Annotated[tuple[Role, ...], Meta(min_length=1)]
    sha256: Digest
    tenant: Annotated[str, Meta(max_length=256)] = ""
    app: Annotated[str, Meta(max_length=256)] = ""
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class LimitOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds on what callers can make the daemon hold or do."""

    body_bytes: _Whole = 4 * 1024 * 1024
    control_body_bytes: _Whole = 64 * 1024
    bodies_bytes: _Whole = 64 * 1024 * 1024  # all bodies in flight together
    event_bytes: _Whole = 1024 * 1024
    events: _Whole = 10_000  # in one request
    errors_told: _Whole = 100  # of one request
    body_timeout_s: _Positive = 15.0
    head_timeout_s: _Positive = 10.0
    head_bytes: _Whole = 32 * 1024
    idle_timeout_s: _Whole = 30
    connections: _Whole = 4096
    in_flight: _Whole = 256
    requests_per_s: _Positive = 500.0  # a token; `GET /v1/decision` is not counted
    requests_burst: _Whole = 1000
    decision_streams: _Whole = 64
    command_streams: _Whole = 2048
    stream_queue: _Whole = 1000
    page: _Whole = 1000


class ApiOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The control API as configured. Without tokens and without `loopback_without_token` nobody is let in.

    loopback_without_token: a caller on a loopback address may do everything without a token; not through a proxy.
    health_without_token, metrics_without_token: anyone who reaches the port may read them.
    """

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8420
    advertise: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    tls_client_ca: str = ""
    tokens: Annotated[tuple[TokenOptions, ...], Meta(max_length=256)] = ()
    loopback_without_token: bool = False
    health_without_token: bool = True
    metrics_without_token: bool = True
    schema_without_token: bool = True
    default_tenant: Annotated[str, Meta(min_length=1, max_length=256)] = "default"
    throttle_per_minute: _Positive = 6.0  # where a throttle names no limit
    pause_retry_s: _Whole = 30
    keepalive_s: _Positive = 15.0
    recheck_s: _Positive = 2.0
    clients_refresh_s: _Positive = 2.0
    stop_s: _Positive = 5.0
    limits: LimitOptions = LimitOptions()


def check_options(options: ApiOptions) -> None:
    """Raise `BadConfig` for what the types alone cannot refuse."""
    if bool(options.tls_certificate) != bool(options.tls_key):
        missing = "tls_key" if options.tls_certificate else "tls_certificate"
        raise BadConfig("a certificate and its key are set together", f"api.{missing}")
    if options.tls_client_ca and not options.tls_certificate:
        raise BadConfig("clients can show certificates only over TLS: set tls_certificate", "api.tls_client_ca")
    seen: set[str] = set()
    for at, token in enumerate(options.tokens):
        for value in (token.name, token.sha256):
            if value in seen:
                raise BadConfig("the name or the digest is used twice", f"api.tokens[{at}]")
            seen.add(value)
        if token.app and not token.tenant:
            raise BadConfig("a token bound to an app names its tenant too", f"api.tokens[{at}].tenant")


def clients_of(options: ApiOptions) -> tuple[Client, ...]:
    """Give the callers that the configuration names."""
    return tuple(
        Client(
            name=token.name,
            roles=token.roles,
            sha256=token.sha256,
            tenant=token.tenant,
            app=token.app,
            expires_at=token.expires_at.timestamp() if token.expires_at is not None else 0.0,
            configured=True,
        )
        for token in options.tokens
    )

"""Sends incidents to a webhook as JSON.

The body is `{"version", "key", "title", "body", "severity", "level", "incident"}`. `Idempotency-Key` is
`<incident>:<seq>`: what is sent twice has the same key. With a secret, `X-Agentwatch-Signature: sha256=<hex>` is the
HMAC of the body.
"""

import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta, Struct

from agentwatch.alert.render import Alert, render
from agentwatch.errors import NotifyRefused, NotifyUnavailable
from agentwatch.records import Incident

if TYPE_CHECKING:
    import httpx

__all__ = ["WebhookNotifier", "WebhookOptions"]

_LATER = frozenset((408, 425, 429))
_LONGEST_WAIT_S = 3600.0


class WebhookOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """url: may itself be a secret, so that only its host is ever logged. secret: signs the body; empty: not signed."""

    name: str
    url: str
    secret: str = ""
    timeout_s: Annotated[float, Meta(gt=0, le=300)] = 10.0
    headers: dict[str, str] = {}


class _Message(Struct, frozen=True):
    version: int
    key: str
    title: str
    body: str
    severity: str
    level: str
    incident: Incident


class WebhookNotifier:
    """One receiver. `client` gives the client, at the first alert; it belongs to the caller, who closes it."""

    def __init__(self, options: WebhookOptions, client: "Callable[[], httpx.AsyncClient]") -> None:
        self.name = options.name
        self._options = options
        self._client = client

    async def notify(self, incident: Incident) -> None:
        """Post one state of an incident.

        Raises `NotifyUnavailable` when the same may be taken later (no answer, 5xx, 408, 425, 429 with its
        `Retry-After`), `NotifyRefused` when it never will (any other answer but 2xx).
        """
        import httpx  # a daemon without an alert to send is ready without it

        key = f"{incident.id}:{incident.seq}"
        body = _encode(key, incident, render(incident))
        headers = {"Content-Type": "application/json", "Idempotency-Key": key, **self._options.headers}
        if self._options.secret:
            signature = hmac.new(self._options.secret.encode(), body, "sha256").hexdigest()
            headers["X-Agentwatch-Signature"] = f"sha256={signature}"
        try:
            answer = await self._client().post(
                self._options.url,
                content=body,
                headers=headers,
                timeout=self._options.timeout_s,
                follow_redirects=False,
            )
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise NotifyRefused(f"not a usable address: {type(error).__name__}", "url") from error
        except httpx.HTTPError as error:
            raise NotifyUnavailable(f"{type(error).__name__}: {error}") from error
        self._judge(answer)

    def _judge(self, answer: "httpx.Response") -> None:
        status = answer.status_code
        if 200 <= status < 300:
            return
        if status >= 500 or status in _LATER:
            raise NotifyUnavailable(f"answered {status}", _retry_after(answer.headers.get("Retry-After", "")))
        raise NotifyRefused(f"answered {status}", "url")


def _encode(key: str, incident: Incident, alert: Alert) -> bytes:
    message = _Message(1, key, alert.title, alert.body, alert.severity, incident.level.name, incident)
    return msgspec.json.encode(message)


def _retry_after(value: str) -> float | None:
    """Read seconds; a date needs a clock and the back-off does as well."""
    return min(float(value), _LONGEST_WAIT_S) if value.isdigit() else None

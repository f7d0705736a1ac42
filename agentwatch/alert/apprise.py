"""Sends incidents to whatever apprise reaches: PagerDuty, Slack, mail and many more, each named by one URL.

Where a service groups messages by a key (PagerDuty, Opsgenie) the key is the incident, so that an update does not page
anew and the end resolves what the beginning opened.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qsl, urlencode

from msgspec import Meta, Struct

from agentwatch.alert.render import Alert, render
from agentwatch.errors import BadConfig, NotifyRefused, NotifyUnavailable
from agentwatch.records import Incident

if TYPE_CHECKING:
    import apprise

__all__ = ["AppriseNotifier", "AppriseOptions", "check_url", "url_for"]

_GROUPED = {"pagerduty": "dedup", "opsgenie": "alias"}
_TYPES = {"info": "success", "warning": "warning", "critical": "failure"}


class AppriseOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """url: any apprise URL; it holds secrets and is never logged."""

    name: str
    url: str
    timeout_s: Annotated[float, Meta(gt=0, le=300)] = 30.0


class AppriseNotifier:
    """One receiver. apprise is imported with the first message; it blocks, so it works in a thread."""

    def __init__(self, options: AppriseOptions) -> None:
        self.name = options.name
        self._options = options

    async def notify(self, incident: Incident) -> None:
        """Send one state of an incident.

        Raises `NotifyRefused` for a URL that apprise cannot read, `NotifyUnavailable` when the service did not take
        the message: apprise does not tell why.
        """
        url = url_for(self._options.url, incident)
        sending = asyncio.create_task(
            asyncio.to_thread(_send, url, render(incident)), name=f"agentwatch-apprise-{self.name}"
        )
        try:
            done, _ = await asyncio.wait((sending,), timeout=self._options.timeout_s)
        finally:
            sending.cancel()  # the thread cannot be stopped; apprise's own socket timeouts end it
        if not done:
            raise NotifyUnavailable(f"no answer within {self._options.timeout_s:g} s")
        if not sending.result():
            raise NotifyUnavailable("the service did not take the message")


def url_for(url: str, incident: Incident) -> str:
    """Add the incident's key to the URL of a service that groups by one, unless the URL names its own."""
    schema, _, rest = url.partition("://")
    field = _GROUPED.get(schema.lower())
    if field is None:
        return url
    path, _, query = rest.partition("?")
    asked = dict(parse_qsl(query, keep_blank_values=True))
    asked = {field: f"agentwatch/{incident.id}", "action": "map", **asked}
    return f"{schema}://{path}?{urlencode(asked)}"


def check_url(url: str, key: str = "url") -> None:
    """Raise `BadConfig` for a URL that apprise cannot read, or when there is no apprise. Loading it takes seconds."""
    try:
        _reach(url)
    except NotifyRefused as error:
        raise BadConfig(error.reason, key) from error


def _send(url: str, alert: Alert) -> bool:
    """Send and wait; runs in a thread."""
    from apprise import NotifyType

    kind = NotifyType(_TYPES[alert.severity])
    return bool(_reach(url).notify(title=alert.title, body=alert.body, notify_type=kind))


def _reach(url: str) -> "apprise.Apprise":
    try:
        import apprise
    except ImportError as error:
        raise NotifyRefused("apprise is not installed: pip install 'agentwatch[notify]'", "url") from error
    # it logs the URLs that it cannot read, and they hold secrets; what failed is told by who called
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    # plain text: what agents wrote must not be read as markup or as escapes
    service = apprise.Apprise(asset=apprise.AppriseAsset(interpret_escapes=False, app_id="agentwatch"))
    if not service.add(url):
        raise NotifyRefused("not a URL that apprise can read", "url")
    return service

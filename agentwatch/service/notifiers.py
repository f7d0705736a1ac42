"""Makes the receivers of alerts of a configuration, by kind: like `wiring`, a place that names adapters."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from agentwatch.alert.apprise import AppriseNotifier, AppriseOptions, check_url
from agentwatch.alert.webhook import WebhookNotifier, WebhookOptions
from agentwatch.config import ReceiverOptions
from agentwatch.ports import Notifier

if TYPE_CHECKING:
    import httpx

__all__ = ["check_notifier", "make_notifier"]


def make_notifier(options: ReceiverOptions, client: "Callable[[], httpx.AsyncClient]") -> Notifier:
    """Make the receiver of alerts that the options describe, its secrets already in place."""
    if options.kind == "apprise":
        return AppriseNotifier(AppriseOptions(name=options.name, url=options.url))
    return WebhookNotifier(WebhookOptions(name=options.name, url=options.url, secret=options.secret), client)


def check_notifier(options: ReceiverOptions) -> None:
    """Find out what can be known before the first message. Raises `BadConfig` for a URL that no adapter can read."""
    if options.kind == "apprise":
        check_url(options.url, f"receivers.{options.name}.url")

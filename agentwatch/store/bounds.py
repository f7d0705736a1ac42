"""Log positions as callers give them, checked before they reach the server."""

import re

from agentwatch.errors import BadRequest

__all__ = ["after_bound", "before_bound", "checked"]

_POSITION = re.compile(r"[0-9]{1,20}(-[0-9]{1,20})?")


def checked(position: str, field: str) -> str:
    """Return a position that is one; raises `BadRequest` naming the field otherwise."""
    if not _POSITION.fullmatch(position):
        raise BadRequest(f"{position!r:.40} is not a position", field)
    return position


def after_bound(position: str) -> str:
    """Write "after this position" as the server wants it; "" is from the start."""
    return f"({checked(position, 'after')}" if position else "-"


def before_bound(position: str) -> str:
    """Write "before this position" as the server wants it; "" is from the end."""
    return f"({checked(position, 'before')}" if position else "+"

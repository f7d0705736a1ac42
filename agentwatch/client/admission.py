"""What it means that the control API refuses a request of the client: that it is away, or that the token is wrong."""

import msgspec
from msgspec import Struct

from agentwatch.errors import UNREADABLE, NotAdmitted, SignalUnavailable

__all__ = ["not_taken"]

_NOT_ADMITTED = frozenset({401, 403})


class _Told(Struct, frozen=True):
    type: str = ""
    detail: str = ""


def not_taken(status: int, body: bytes, what: str, role: str) -> SignalUnavailable:
    """Make the error of an answer other than what was wanted.

    It is `NotAdmitted`, with the role that the token needs, for 401 and 403, where waiting does not help.
    """
    if status not in _NOT_ADMITTED:
        return SignalUnavailable(f"the control API answered {status} to {what}")
    try:
        told = msgspec.json.decode(body, type=_Told)
    except UNREADABLE:  # a proxy's own page
        told = _Told()
    words = f": {told.detail}" if told.detail else ""
    needs = "" if told.type.endswith(":bound-token") else f"; the token needs the role {role!r}"
    return NotAdmitted(f"the control API answered {status} to {what}{words}{needs}")

"""Operators' wishes on their way to a worker: signed where there is a key, and believed only so where asked for.

The very bytes of an entry are signed, so that versions that write other fields understand each other.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog

from agentwatch.audited import Vouching
from agentwatch.errors import UNREADABLE, BadRequest
from agentwatch.observe import metrics
from agentwatch.records import Control
from agentwatch.signed import read_sig, wish_message

__all__ = ["Wishes", "entry_fields"]

WINDOW_S = 300.0
_log = structlog.get_logger()


def entry_fields(data: bytes, signer: Vouching) -> tuple[str | bytes, ...]:
    """Give the fields of a wish's entry, with a signature where there is a key."""
    kid = signer.kid
    return ("data", data, "sig", signer.text(wish_message(data, kid))) if kid else ("data", data)


class Wishes:
    """Tells of one partition's wishes which may be carried out.

    check: why a signature of a message is not to be believed. A wish counts only within `window_s` of its own time, so
    that nobody can bring an old one back; that a newer one counts once is seen to where it is carried out.
    """

    def __init__(self, check: Callable[[str, bytes], str], window_s: float = WINDOW_S) -> None:
        self._check = check
        self._window_s = window_s

    def believed(self, rows: Sequence[Any]) -> list[Any]:
        """Leave those entries out that are not to be believed; each is logged and counted."""
        found = []
        for position, fields in rows:
            reason = self._reason(position, fields)
            if not reason:
                found.append((position, fields))
                continue
            metrics().wishes_refused.inc()
            _log.error("control_refused", position=position.decode(), reason=reason)
        return found

    def _reason(self, position: bytes, fields: Sequence[bytes] | None) -> str:
        told = dict(zip((fields or ())[::2], (fields or ())[1::2], strict=False))
        data, sig = told.get(b"data", b""), told.get(b"sig", b"").decode(errors="replace")
        if not sig:
            return "it is not signed"
        try:
            wrong = self._check(sig, wish_message(data, read_sig(sig)[0]))
            control = msgspec.json.decode(data, type=Control)
        except BadRequest as error:
            return f"its signature cannot be read: {error.reason}"
        except UNREADABLE as error:
            return f"it cannot be read: {error}"
        if wrong:
            return wrong
        late = int(position.partition(b"-")[0]) / 1000 - control.at
        if abs(late) > self._window_s:
            return f"it came {late:.0f} s after its own time"
        return ""

"""Notes for the audit log: what was done beside the partition's own inputs becomes one of them."""

import asyncio
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from agentwatch.backoff import Backoff, BackoffOptions
from agentwatch.errors import StoreUnavailable
from agentwatch.observe import metrics
from agentwatch.records import Control, ControlKind

__all__ = ["Notes"]

_log = structlog.get_logger()
_MOST = 1000


class Notes:
    """A bounded queue that is written to the controls stream, in order, as soon as the store takes it."""

    def __init__(self, append: Callable[[Control], Awaitable[None]], clock: Callable[[], float] = time.time) -> None:
        self._append = append
        self._clock = clock
        self._waiting: deque[Control] = deque()
        self._ready = asyncio.Event()
        self._backoff = Backoff(BackoffOptions(min_s=0.05, max_s=2.0))

    def put(self, what: str, value: str, *, who: str = "agentwatch", reason: str = "") -> None:
        """Note something; `policy` is a kind of its own. A full queue loses its oldest, counted."""
        kind: ControlKind = "policy" if what == "policy" else "note"
        if len(self._waiting) >= _MOST:
            self._waiting.popleft()
            metrics().dropped.labels("audit_notes").inc()
        at = self._clock()
        self._waiting.append(
            Control(id=uuid.uuid4().hex, kind=kind, at=at, author=who, reason=reason, target=what, value=value)
        )
        self._ready.set()

    async def run(self) -> None:
        """Write until cancelled; what the store does not take waits."""
        while True:
            await self._ready.wait()
            self._ready.clear()
            while self._waiting:
                try:
                    await self._append(self._waiting[0])
                except StoreUnavailable as error:
                    _log.warning("audit_note_waits", reason=str(error))
                    await asyncio.sleep(self._backoff.next())
                else:
                    self._backoff.reset()
                    self._waiting.popleft()

"""Wakes the streams of commands: one reader of the decision log for all of them."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from agentwatch.errors import Unavailable
from agentwatch.ports import DecisionQueries
from agentwatch.records import Decision, Level, Origin

__all__ = ["Wakes"]

_log = structlog.get_logger(__name__)


class Wakes:
    """Sets the event of every waiting stream that a committed decision may concern.

    What a stream then sends is the standing command, asked anew: a wake-up carries nothing, so none can be lost, and
    however many come at once cost one answer.
    """

    def __init__(self, decisions: DecisionQueries) -> None:
        self._decisions = decisions
        self._waiting: dict[tuple[str, str], set[asyncio.Event]] = {}
        self.closing = False
        self._all: set[asyncio.Event] = set()

    @contextmanager
    def join(self, event: asyncio.Event) -> Iterator[None]:
        """Set the event when the app closes, and after a failure to follow the log."""
        self._all.add(event)
        try:
            yield
        finally:
            self._all.discard(event)

    @contextmanager
    def listen(self, tenant: str, app: str) -> Iterator[asyncio.Event]:
        """Give an event that is set when what stands for something of the app may have changed, as `join` too."""
        event = asyncio.Event()
        waiting = self._waiting.setdefault((tenant, app), set())
        waiting.add(event)
        try:
            with self.join(event):
                yield event
        finally:
            waiting.discard(event)
            if not waiting and self._waiting.get((tenant, app)) is waiting:
                del self._waiting[tenant, app]

    def close(self) -> None:
        """End every stream: each is woken and sees `closing`."""
        self.closing = True
        for event in tuple(self._all):
            event.set()

    def wake(self, decision: Decision) -> None:
        """Wake whom the decision may concern."""
        hardest = max(decision.level, decision.previous)
        if hardest < Level.throttle and decision.origin is not Origin.operator:
            return
        if "/" in decision.subject:
            found = [self._waiting.get((decision.tenant, decision.app), set())]
        else:
            found = [events for (tenant, _), events in self._waiting.items() if tenant == decision.tenant]
        for events in found:
            for event in events:
                event.set()

    async def run(self) -> None:
        """Follow the log until cancelled; after a failure wake everybody and follow it anew."""
        failures = 0
        while True:
            try:
                async for _, decision in self._decisions.watch():
                    failures = 0
                    self.wake(decision)
            except Unavailable as error:
                _log.warning("api_watch_failed", error=str(error))
            failures += 1
            for event in tuple(self._all):
                event.set()
            pause_s = min(5.0, 0.1 * 2 ** min(failures, 6))
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311  # jitter, not a secret

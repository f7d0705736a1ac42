"""The daemon from start to stop: what runs, in which order it starts, and in which order it ends.

No signal handlers here: `running` installs them, so that tests can start a daemon inside their own process.
"""

import asyncio
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

import structlog

from agentwatch.cancellation import end
from agentwatch.counting import counted
from agentwatch.detect.kernel import kernel_trouble
from agentwatch.errors import AgentwatchError
from agentwatch.fingerprint.compiled import form_name, form_trouble
from agentwatch.observe import metrics
from agentwatch.service.reload import Reloader
from agentwatch.service.settings import Settings
from agentwatch.service.systemd import Notify
from agentwatch.service.warming import load_ahead
from agentwatch.service.wiring import Wired, wire

__all__ = ["Lifecycle"]

_log = structlog.get_logger()
_END_S = 5.0


class Lifecycle:
    """One daemon. `start`, then `wait`, then `stop`; stopping twice, or after a failed start, is fine."""

    def __init__(self, settings: Settings, notify: Notify) -> None:
        self._settings = settings
        self._notify = notify
        self._stack = AsyncExitStack()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ended: asyncio.Future[None] | None = None
        self._wired: Wired | None = None
        self._reloader: Reloader | None = None
        self._stopped = False

    @property
    def wired(self) -> Wired:
        """The parts of the running daemon."""
        if self._wired is None:
            raise AgentwatchError("the daemon has not been started")
        return self._wired

    @property
    def reloader(self) -> Reloader:
        """What `SIGHUP` calls; made at the first use, when everything is wired."""
        if self._reloader is None:
            self._reloader = Reloader(self._settings, self.wired, self._notify)
        return self._reloader

    async def start(self) -> None:
        """Start every part and return when events are worked on and requests are answered."""
        loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        wired = self._wired = await wire(self._settings, self._stack, self._beat)
        for name, run in wired.tasks:
            self._spawn(name, run())
        await self._until_ready(wired)
        if wired.api is not None:
            await wired.api.start()
            wired.seats.tell(wired.api.advertised)
        self._notify.ready(self._status())
        metrics().reload_ok.set(1)
        metrics().reload_at.set(time.time())
        _log.info(
            "daemon_ready",
            partitions=[seat.index for seat in wired.seats.held],
            mode=wired.mode,
            api=wired.url,
            redis=wired.redis_shown,
            fingerprints=form_name(),
        )
        if trouble := form_trouble() or kernel_trouble():
            _log.warning("compiled_form_unused", reason=trouble)

    async def warm(self) -> None:
        """Load, beside the work, what is not needed to be ready and would keep the first events waiting."""
        await asyncio.to_thread(load_ahead, alerts=bool(self._settings.config.receivers))

    async def wait(self) -> None:
        """Wait until a part ends that should not, and raise what ended it; cancel to stop waiting."""
        if self._ended is not None:
            await asyncio.shield(self._ended)

    async def stop(self) -> None:
        """Drain and end: the batch in hand is committed, its commands are delivered, the lease is given back."""
        if self._stopped:
            return
        self._stopped = True
        self._notify.stopping("draining")
        wired = self._wired
        async with self._stack:  # who is cancelled here leaves nothing open either
            try:
                if wired is not None:
                    await self._drain(wired)
            finally:
                if not await end(self._tasks.values(), _END_S):
                    _log.warning("parts_left", parts=[name for name, task in self._tasks.items() if not task.done()])
            if self._ended is not None and self._ended.done():
                self._ended.exception()  # told in the log when it happened; nobody may be waiting for it any more
        if wired is not None and not self._failed():
            wired.safe.end()
        _log.info("daemon_stopped")

    async def _drain(self, wired: Wired) -> None:
        wired.seats.stop()
        try:
            await self._end("seats", self._settings.config.worker.drain_s)
        finally:
            if wired.api is not None:
                await wired.api.stop()

    def _failed(self) -> bool:
        """Tell whether a part ended that should not: such an end is no orderly one."""
        ended = self._ended
        return ended is not None and ended.done() and not ended.cancelled() and ended.exception() is not None

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=f"agentwatch-{name}")
        self._tasks[name] = task
        task.add_done_callback(lambda done: self._over(name, done))

    def _over(self, name: str, task: asyncio.Task[None]) -> None:
        """End the daemon when a part ends by itself: half a daemon would look like a whole one."""
        if self._stopped or task.cancelled() or self._ended is None or self._ended.done():
            return
        error = task.exception() or AgentwatchError(f"{name} ended")
        _log.error("part_ended", part=name, error=str(error), exc_info=task.exception())
        self._ended.set_exception(error)

    async def _until_ready(self, wired: Wired) -> None:
        while not wired.seats.ready:
            if self._ended is not None and self._ended.done():
                await self._ended
            self._notify.watchdog("waiting for Redis")
            await asyncio.sleep(0.02)

    async def _end(self, name: str, within_s: float) -> None:
        task = self._tasks.get(name)
        if task is None:
            return
        _, late = await asyncio.wait([task], timeout=within_s)
        if late:
            _log.warning("drain_late", part=name, deadline_s=within_s)

    def _beat(self) -> None:
        """Give a sign of life because the working loop turned, with the line that `systemctl status` shows."""
        if self._wired is not None:
            self._notify.watchdog(self._status())

    def _status(self) -> str:
        workers = [seat.worker for seat in self.wired.seats.held]
        if not workers:
            return "standing by: every partition is served by another worker"
        events = sum(worker.pipeline.positions.index for worker in workers)
        standing = sum(len(worker.pipeline.ledgers.standing) for worker in workers)
        lag = sum(worker.lag for worker in workers)
        stand = counted(standing, "subject stands", "subjects stand")
        return f"{self.wired.mode}: {counted(events, 'event')}, lag {lag}, {stand}"

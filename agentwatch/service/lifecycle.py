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
from agentwatch.errors import AgentwatchError
from agentwatch.fingerprint.compiled import form_name
from agentwatch.observe import metrics
from agentwatch.service.reload import Reloader
from agentwatch.service.settings import Settings
from agentwatch.service.systemd import Notify
from agentwatch.service.wiring import Wired, wire

__all__ = ["Lifecycle"]

_log = structlog.get_logger()
_END_S = 5.0
_SINK_S = 2.0  # how long the sinks may take at the end to deliver what was just decided


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
        """What `SIGHUP` calls."""
        if self._reloader is None:
            self._reloader = Reloader(self._settings, self.wired, self._notify)
        return self._reloader

    async def start(self) -> None:
        """Start every part and return when events are worked on and requests are answered."""
        loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        wired = self._wired = await wire(self._settings, self._stack, self._beat)
        await asyncio.to_thread(wired.worker.pipeline.parts.pricer.warm)
        for name, run in wired.tasks:
            self._spawn(name, run())
        await self._until_ready(wired)
        if wired.api is not None:
            await wired.api.start()
        self._notify.ready(self._status())
        metrics().reload_ok.set(1)
        metrics().reload_at.set(time.time())
        _log.info(
            "daemon_ready",
            mode=wired.worker.pipeline.ledgers.gate.mode,
            api=wired.url,
            redis=wired.redis_shown,
            fingerprints=form_name(),
        )

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
        if wired is not None:
            wired.worker.stop()
            await self._end("worker", self._settings.config.worker.drain_s)
            await self._sinks_done(wired)
            if wired.api is not None:
                await wired.api.stop()
        if not await end(self._tasks.values(), _END_S):
            _log.warning("parts_left", parts=[name for name, task in self._tasks.items() if not task.done()])
        if self._ended is not None and self._ended.done():
            self._ended.exception()  # told in the log when it happened; nobody may be waiting for it any more
        await self._stack.aclose()
        _log.info("daemon_stopped")

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
        while not wired.worker.ready:
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

    async def _sinks_done(self, wired: Wired) -> None:
        """Let the sinks deliver what the last batches decided; what they do not manage waits in the log."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _SINK_S
        while loop.time() < deadline and wired.sinks_behind():  # noqa: ASYNC110  # several sinks, each at its own pace
            await asyncio.sleep(0.02)

    def _beat(self) -> None:
        """Give a sign of life because the working loop turned, with the line that `systemctl status` shows."""
        if self._wired is not None:
            self._notify.watchdog(self._status())

    def _status(self) -> str:
        worker = self.wired.worker
        ledgers = worker.pipeline.ledgers
        return (
            f"{ledgers.gate.mode}: {worker.pipeline.positions.index} events, lag {worker.lag}, "
            f"{len(ledgers.standing)} subjects stand"
        )

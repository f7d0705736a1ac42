"""The guard for threads: the same guard on an event loop in a thread of its own.

with ThreadGuard(agent="bot", app="crew", run=run_id, redis="redis://localhost") as guard:
    guard.check()  # before each call of a model or a tool
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from agentwatch.client.guard import Guard, guard_from
from agentwatch.client.log import log
from agentwatch.errors import AgentStopped
from agentwatch.records import Command

__all__ = ["ThreadGuard"]


class ThreadGuard:
    """Obeys the commands that cover one run of an agent, from any number of threads. Takes what `Guard` takes.

    `stopping` is set while a kill stands, for code that can only look at a flag. `on_kill` is called once for each
    kill, in the guard's own thread. Start it after a fork, not before.
    """

    def __init__(self, agent: str, *, on_kill: Callable[[Command], None] | None = None, **given: Any) -> None:
        self.stopping = Event()
        self._on_kill = on_kill
        self._guard = Guard(agent, on_kill=self._stop, on_release=self.stopping.clear, **given)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._end: asyncio.Event | None = None

    @classmethod
    def from_env(cls, environment: Mapping[str, str] | None = None, **given: Any) -> Self:
        """Make a guard from the `AGENTWATCH_…` variables; what is given beside them goes first."""
        return guard_from(cls, os.environ if environment is None else environment, given)

    def __enter__(self) -> Self:
        started: Future[None] = Future()
        self._thread = Thread(target=self._serve, args=(started,), name="agentwatch-guard", daemon=True)
        self._thread.start()
        started.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is None or self._end is None or self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._end.set)
        # Everything in there has a deadline of its own; this one is for a loop that a callback holds up.
        self._thread.join(timeout=4 * self._guard.options.close_s + self._guard.options.timeout_s)
        if self._thread.is_alive():
            log.error("guard_thread_left", guard=self._guard.id)

    def check(self) -> None:
        """Call it before each call of a model or a tool: as `Guard.check`, for the calling thread."""
        if self._loop is None or self._thread is None or not self._thread.is_alive():
            raise AgentStopped("the guard does not run: use it in a `with` block, after any fork")
        if self._guard.at_ease:
            return
        asked = asyncio.run_coroutine_threadsafe(self._guard.check(), self._loop)
        try:
            asked.result()
        except BaseException:  # KeyboardInterrupt too: the waiting must not go on without the one who waits
            asked.cancel()
            raise

    def emit(self, **fields: Any) -> None:
        """Emit a usage event of this run; never blocks."""
        self._guard.emit(**fields)

    def environment(self, run: str = "", agent: str = "", task: str = "") -> dict[str, str]:
        """Give the variables that make `from_env` work in another process."""
        return self._guard.environment(run, agent, task)

    @property
    def epoch(self) -> int:
        """The highest epoch of a command that this guard has received."""
        return self._guard.epoch

    def _stop(self, command: Command) -> None:
        self.stopping.set()
        if self._on_kill is not None:
            self._on_kill(command)

    def _serve(self, started: "Future[None]") -> None:
        try:
            asyncio.run(self._main(started))
        except BaseException as error:  # noqa: BLE001  # handed to the thread that waits for the start
            if started.done():
                log.exception("guard_thread_failed", guard=self._guard.id)
            else:
                started.set_exception(error)

    async def _main(self, started: "Future[None]") -> None:
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        async with self._guard:
            started.set_result(None)
            await self._end.wait()

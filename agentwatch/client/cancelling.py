"""Ending work that is under way at a kill: a block of code, or a task of its own."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, TypeVar

from agentwatch.client.watch import Watch
from agentwatch.errors import AgentKilled
from agentwatch.records import Command

__all__ = ["Cancelling", "killed", "run_until_killed"]

T = TypeVar("T")


def killed(command: Command) -> AgentKilled:
    """Give the error that a kill is raised as."""
    return AgentKilled(command.subject, command.reason, command.epoch)


async def _kill(watch: Watch) -> Command:
    while True:
        kill = watch.standing().kill
        if kill is not None:
            return kill
        await watch.changed(None)


async def run_until_killed(watch: Watch, work: Coroutine[Any, Any, T]) -> T:
    """Run `work` as a task; at a kill cancel it, wait for its clean-up at most `grace_ms`, raise `AgentKilled`."""
    kill = watch.standing().kill
    if kill is not None:
        work.close()
        watch.effective(kill)
        raise killed(kill)
    task = asyncio.create_task(work, name="agentwatch-guarded")
    waiting = asyncio.create_task(_kill(watch), name="agentwatch-kill")
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            return task.result()
        await _end(watch, task, waiting.result())
        raise killed(waiting.result())
    finally:
        waiting.cancel()
        if not task.done():
            task.cancel()  # the caller itself was cancelled, or the task outlived its grace


async def _end(watch: Watch, task: "asyncio.Task[Any]", kill: Command) -> None:
    task.cancel("killed by agentwatch")
    await asyncio.wait({task}, timeout=max(kill.grace_ms, 100) / 1000)
    if not task.done():
        watch.acknowledge(kill, "refused", "the task goes on after it was cancelled")
        return
    if not task.cancelled():
        task.exception()  # read, so that it is not reported as lost: the kill is what the caller hears of
    watch.effective(kill)


class Cancelling:
    """A block that is cancelled at a kill; leaving it so raises `AgentKilled` instead of `CancelledError`.

    A cancellation from elsewhere passes as it is: the same care as `asyncio.timeout` takes.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._task: asyncio.Task[Any] | None = None
        self._waiting: asyncio.Task[Command] | None = None
        self._cancelled_before = 0
        self._command: Command | None = None

    async def __aenter__(self) -> "Cancelling":
        kill = self._watch.standing().kill
        if kill is not None:
            self._watch.effective(kill)
            raise killed(kill)
        self._task = asyncio.current_task()
        assert self._task is not None  # noqa: S101  # a coroutine runs in a task
        self._cancelled_before = self._task.cancelling()
        self._waiting = asyncio.create_task(_kill(self._watch), name="agentwatch-kill")
        self._waiting.add_done_callback(self._fire)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._waiting is not None:
            self._waiting.remove_done_callback(self._fire)
            self._waiting.cancel()
        if self._command is None or self._task is None:
            return
        self._watch.effective(self._command)
        ours = self._task.uncancel() <= self._cancelled_before
        if kind is None or (ours and issubclass(kind, asyncio.CancelledError)):
            raise killed(self._command) from error

    def _fire(self, waiting: "asyncio.Task[Command]") -> None:
        if waiting.cancelled() or self._task is None:
            return
        self._command = waiting.result()
        self._task.cancel("killed by agentwatch")

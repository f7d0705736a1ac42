"""All that one process does for one partition: its worker, its sinks, its receivers, and its answers."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from msgspec import Struct

from agentwatch.act.outbox import Progress
from agentwatch.cancellation import end
from agentwatch.errors import AgentwatchError
from agentwatch.ports import DeadLetters, DecisionQueries, FleetQueries, IncidentQueries, Operations
from agentwatch.service.health import Health
from agentwatch.service.hub import Hub
from agentwatch.service.receivers import Receivers
from agentwatch.service.worker import Worker

__all__ = ["Answers", "Seat"]

_log = structlog.get_logger()
_END_S = 5.0
_SINK_S = 2.0  # how long the sinks may take at the end to deliver what was just decided
Task = tuple[str, Callable[[], Coroutine[Any, Any, None]]]


class Answers(Struct, frozen=True):
    """What the control API asks of one partition."""

    fleet: FleetQueries
    decisions: DecisionQueries
    incidents: IncidentQueries
    operations: Operations
    dead: DeadLetters


class Seat:
    """`run` works until `stop`, or raises what ended a part by itself: half a seat would look like a whole."""

    def __init__(self, index: int, worker: Worker, hub: Hub, health: Health) -> None:
        self.index = index
        self.worker = worker
        self.hub = hub
        self.health = health
        self.tasks: list[Task] = [("worker", worker.run)]
        self.sinks: dict[str, Progress] = {}
        self.receivers: Receivers | None = None
        self.answers: Answers | None = None
        self.stopping = False

    def stop(self) -> None:
        """Ask it to end: the batch in hand is committed, its commands are delivered, the lease is given back."""
        self.stopping = True
        self.worker.stop()

    async def run(self) -> None:
        """Run every part of it."""
        running = {asyncio.create_task(run(), name=f"agentwatch-{name}-{self.index}"): name for name, run in self.tasks}
        try:
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task, name in running.items():
                if task.done() and not (name == "worker" and self.stopping and task.exception() is None):
                    task.result()
                    raise AgentwatchError(f"{name} ended")
            await self._sinks_done()
        finally:
            if not await end(running, _END_S):
                _log.warning("parts_left", partition=self.index, parts=[n for t, n in running.items() if not t.done()])
            self.worker.gauges.end()
            self.health.drop_all()

    def sinks_behind(self) -> bool:
        """Tell whether a sink that works has not yet delivered all that was decided."""
        seq = self.worker.pipeline.positions.seq
        return any(
            not progress.failing and int(progress.position.partition("-")[0] or 0) < seq
            for progress in self.sinks.values()
        )

    async def _sinks_done(self) -> None:
        """Let the sinks deliver what the last batches decided; what they do not manage waits in the log."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _SINK_S
        while loop.time() < deadline and self.sinks_behind():  # noqa: ASYNC110  # several sinks, each at its own pace
            await asyncio.sleep(0.02)

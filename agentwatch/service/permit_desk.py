"""Reserves what the gate waits for: kill permits of all partitions, handed to the partition as ordered inputs."""

import asyncio

import msgspec
import structlog

from agentwatch.errors import StoreUnavailable
from agentwatch.ports import Permitting
from agentwatch.service.self_report import SelfReport
from agentwatch.service.worker import Worker

__all__ = ["PermitDesk"]

_log = structlog.get_logger()
_PUBLISH_S = 2.0
_LOOK_S = 0.25  # how often what waits is looked at when nothing wakes
_AT_ONCE = 64


class PermitDesk:
    """One partition's. wake: set at each commit that decided something."""

    def __init__(self, worker: Worker, permits: Permitting, report: SelfReport, wake: asyncio.Event) -> None:
        self._worker = worker
        self._permits = permits
        self._report = report
        self._wake = wake
        self._published = 0.0
        self.failing = ""

    async def run(self) -> None:
        """Reserve until cancelled; while the store is away nobody is killed."""
        while True:
            waiting = asyncio.create_task(self._wake.wait(), name="agentwatch-permits-wake")
            try:
                await asyncio.wait({waiting}, timeout=_LOOK_S)
            finally:
                waiting.cancel()
            self._wake.clear()
            if not self._worker.ready:
                continue
            try:
                await self._turn()
                self.failing = ""
            except StoreUnavailable as error:
                if not self.failing:
                    _log.warning("permits_unavailable", reason=str(error))
                self.failing = f"no kill can be permitted: {error}"

    async def _turn(self) -> None:
        pipeline = self._worker.pipeline
        gate, standing = pipeline.ledgers.gate, pipeline.ledgers.standing
        loop = asyncio.get_running_loop()
        if loop.time() - self._published >= _PUBLISH_S:
            await self._permits.publish(gate.populations())
            self._published = loop.time()
        if not standing.waiting:
            return
        for decision in (*standing.held_by("permit"), *standing.held_by("breaker"))[:_AT_ONCE]:
            scopes = gate.permits.lacks(decision, self._worker.last_batch_at)
            if not scopes:
                continue
            why = await self._permits.reserve(decision.subject, scopes)
            target = msgspec.json.encode(scopes).decode()
            if why:
                await self._report.tell("permit_refused", why, decision.subject, target)
            else:
                await self._report.tell("permit", "reserved", decision.subject, target)

"""Safe mode: a daemon that crashed again and again only observes, until an operator or a clean time says otherwise."""

import asyncio
import time
from collections.abc import Callable

import structlog

from agentwatch.config import SafeOptions
from agentwatch.errors import StoreUnavailable
from agentwatch.service.self_report import SelfReport
from agentwatch.service.unclean_starts import UncleanStarts
from agentwatch.service.worker import Worker

__all__ = ["SafeMode"]

_log = structlog.get_logger()
_RETRY_S = 5.0


class SafeMode:
    """One daemon's. `begin` at the start; then each partition that is taken over is told, as its first input."""

    def __init__(self, starts: UncleanStarts, options: SafeOptions, clock: Callable[[], float] = time.time) -> None:
        self._starts = starts
        self._options = options
        self._clock = clock
        self._taken: dict[int, tuple[Worker, SelfReport]] = {}
        self._why = ""

    def begin(self) -> None:
        """Note the start, before anything is read."""
        self._why = self._starts.begin(self._clock())
        if self._why:
            _log.error("safe_mode", reason=self._why)

    def guard(self, index: int, worker: Worker, report: SelfReport) -> None:
        """Let a partition begin safely where it must, once the partition is this worker's."""
        told = not self._why

        async def greet() -> None:
            nonlocal told
            if self._why and not told:
                await report.tell("safe", self._why)
                told = True

        worker.greet = greet
        self._taken[index] = (worker, report)

    async def run(self) -> None:
        """Wait until the start counts as a good one, then end safe mode; nothing is left to do afterwards."""
        await asyncio.sleep(self._options.clean_s)
        self._starts.end()
        self._why = ""
        for index, (worker, report) in self._taken.items():
            while worker.ready and worker.pipeline.ledgers.gate.safe:
                try:
                    await report.tell("safe_over", f"no crash for {self._options.clean_s:g} s")
                except StoreUnavailable as error:
                    _log.warning("safe_mode_stays", partition=index, reason=str(error), retry_s=_RETRY_S)
                    await asyncio.sleep(_RETRY_S)
                else:
                    _log.info("safe_mode_over", partition=index, clean_s=self._options.clean_s)
                    break
        await asyncio.Event().wait()

    def end(self) -> None:
        """Note an orderly end."""
        self._starts.end()

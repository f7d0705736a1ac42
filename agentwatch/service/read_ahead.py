"""A worker's way to its inputs: batches that take a bounded time to compute, and the next one read beside a commit.

What was read ahead is a promise of nothing: where a commit fails it is let go, and the source is set back to what was
committed. So nothing is computed with a time from before an outage, and nothing twice.
"""

import asyncio

from agentwatch.cancellation import end
from agentwatch.ports import EventSource
from agentwatch.records import Batch, Positions

__all__ = ["Pace", "ReadAhead"]

_END_S = 5.0
_FIRST = 256  # events that a worker asks for before it knows what they cost
_FEWEST = 64  # below that the commit costs more than what it commits, and a busy machine would only fall behind
_SHARE = 4  # a batch below this part of what was asked for says little: what it cost was not its events
_WEIGHT = 0.3  # of the newest batch in the mean cost: a handful of batches settle it, and one pause does not


class Pace:
    """How many events fit into `turn_s` seconds, by what those of late cost; `most` at most."""

    def __init__(self, most: int, turn_s: float) -> None:
        self._most = most
        self._turn_s = turn_s
        self._cost_s = 0.0
        self.limit = min(most, _FIRST)

    def took(self, events: int, seconds: float) -> None:
        """Learn what a batch cost to compute, in seconds of CPU: who else runs here does not make it dearer."""
        if events * _SHARE < self.limit or events < _FEWEST:
            return
        cost = seconds / events
        self._cost_s = cost if not self._cost_s else self._cost_s + _WEIGHT * (cost - self._cost_s)
        fitting = int(self._turn_s / self._cost_s) if self._cost_s > 0.0 else self._most
        self.limit = min(self._most, max(_FEWEST, fitting))


class ReadAhead:
    """Reads a source for one worker. `next` gives what `begin` asked for, or asks itself."""

    def __init__(self, source: EventSource, pace: Pace, block_s: float) -> None:
        self._source = source
        self._block_s = block_s
        self._ahead: asyncio.Task[Batch] | None = None
        self._astray = False  # the source may be elsewhere than the worker: a read failed half-way, or was let go
        self.pace = pace

    def begin(self) -> None:
        """Ask for the next batch, beside whatever the worker does now; nothing where the source is to be set first."""
        if self._ahead is None and not self._astray:
            self._ahead = asyncio.create_task(self._read(), name="agentwatch-read-ahead")

    async def next(self, committed: Positions) -> Batch:
        """Give the next batch. committed: where the source is set to first, if it may be elsewhere."""
        ahead, self._ahead = self._ahead, None
        astray, self._astray = self._astray, True  # until a batch is in the worker's hands
        if ahead is None:
            if astray:
                await self._source.seek(committed)
            batch = await self._read()
        else:
            try:
                await asyncio.wait({ahead})
            finally:
                await end({ahead}, _END_S)
            batch = ahead.result()
        self._astray = False
        return batch

    async def drop(self) -> None:
        """Let go what was asked for; the next read begins where the worker then is."""
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            return
        self._astray = True  # also where a driver loses the cancellation, and it ends well
        await end({ahead}, _END_S)
        if ahead.done() and not ahead.cancelled():
            ahead.exception()  # what it failed with is told by the next read, if it lasts

    async def put_back(self, committed: Positions) -> None:
        """Set the source back to what was committed, so that it tells others what is left to be read."""
        if self._astray:
            await self._source.seek(committed)
            self._astray = False

    def settled(self) -> None:
        """Note that the source was set to where the worker is."""
        self._astray = False

    async def _read(self) -> Batch:
        return await self._source.read(self.pace.limit, self._block_s)

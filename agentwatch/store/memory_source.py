"""A partition's inputs from memory, in the order in which they were added."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from agentwatch.records import Batch, Control, Entry, Positions, Tick
from agentwatch.store.memory import MemoryPartition, order

__all__ = ["MemorySource"]


class MemorySource:
    """Reads one partition; the clock of the partition makes the ticks."""

    def __init__(self, partition: MemoryPartition) -> None:
        self._partition = partition
        self._at = Positions()

    async def seek(self, positions: Positions) -> None:
        """Continue after these positions."""
        self._at = positions

    async def read(self, limit: int, block_s: float) -> Batch:
        """Wait up to `block_s` for inputs; an empty batch still carries the tick."""
        batch = self._take(limit)
        if batch.entries or batch.controls or batch.acks or block_s <= 0:
            return batch
        self._partition.changed.clear()
        waiting = asyncio.ensure_future(self._partition.changed.wait())
        await asyncio.wait([waiting], timeout=block_s)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        return self._take(limit)

    async def history(self, after: str, until: str, limit: int) -> Sequence[Entry]:
        """List entries after `after` up to and including `until`, at most `limit`."""
        rows = self._partition.events.after(after, limit)
        return [entry for position, entry in rows if order(position) <= order(until)]

    async def controls(self, after: str, until: str) -> Sequence[Control]:
        """List the control inputs after `after` up to and including `until`, in order."""
        rows = self._partition.inputs.after(after, len(self._partition.inputs.rows))
        return [control for position, control in rows if order(position) <= order(until)]

    def _take(self, limit: int) -> Batch:
        held, at = self._partition, self._at
        waiting = held.events.after(at.events, len(held.events.rows))
        events = waiting[:limit]
        controls = held.inputs.after(at.controls, limit)
        acks = held.acks.after(at.acks, limit)
        self._at = Positions(
            events=events[-1][0] if events else at.events,
            controls=controls[-1][0] if controls else at.controls,
            acks=acks[-1][0] if acks else at.acks,
        )
        tick = Tick(held.clock(), len(waiting) - len(events))
        return Batch(tick, tuple(entry for _, entry in events), tuple(controls), tuple(acks))

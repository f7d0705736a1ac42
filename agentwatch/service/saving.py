"""Writes a partition's checkpoints beside its turns: what stops them is only the moment in which the state is taken.

A large state is taken by a fork and encoded by the child; a small one is encoded at once, which is shorter than a fork.
What is written belongs to the commit boundary at which it was taken, however far the worker has come meanwhile.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing

import structlog

from agentwatch import checkpointing
from agentwatch.cancellation import end
from agentwatch.config import WorkerOptions
from agentwatch.errors import StoreUnavailable
from agentwatch.observe import metrics
from agentwatch.pipeline import Pipeline
from agentwatch.ports import Store
from agentwatch.records import Checkpoint
from agentwatch.service.apart import Apart, ChildFailed, can_fork

__all__ = ["Saving"]

_END_S = 5.0
_log = structlog.get_logger()


class Saving:
    """One worker's checkpoints, one at a time."""

    def __init__(self, store: Store, options: WorkerOptions) -> None:
        self._store = store
        self._options = options
        self._writing: asyncio.Task[None] | None = None
        self._taken_at = 0.0
        self._since = 0
        self._child_failed = False

    def begin(self, learnt: int) -> None:
        """Count from now on; learnt: inputs since the last checkpoint."""
        self._taken_at = asyncio.get_running_loop().time()
        self._since = learnt

    def learnt(self, inputs: int) -> None:
        """Count inputs that were committed."""
        self._since += inputs

    def due(self) -> bool:
        """Tell whether it is time for another one; raises what the last one failed with, if that ends the work."""
        writing = self._writing
        if writing is not None:
            if not writing.done():
                return False
            self._writing = None
            writing.result()
        if self._since >= self._options.checkpoint_events:
            return True
        old = asyncio.get_running_loop().time() - self._taken_at >= self._options.checkpoint_s
        return bool(self._since) and (old or self._child_failed)

    def take(self, pipeline: Pipeline, at: float) -> None:
        """Take the state, between two batches, and begin to write it."""
        began = self._taken_at = asyncio.get_running_loop().time()
        child = self._fork(pipeline)
        chunks = child.pieces() if child is not None else _each(tuple(checkpointing.chunks(pipeline)))
        work = self._write(checkpointing.bare(pipeline, at), self._since, chunks, child)
        self._writing = asyncio.create_task(work, name="agentwatch-checkpoint")
        metrics().checkpoint_pause.observe(asyncio.get_running_loop().time() - began)

    async def last(self, pipeline: Pipeline, at: float) -> None:
        """Write the present state, and return when it is written; one that is on its way is not waited for."""
        await self.drop()
        await self._write(checkpointing.bare(pipeline, at), self._since, _each(checkpointing.chunks(pipeline)))

    async def drop(self) -> None:
        """Let go of the one that is being written: what it has written expires."""
        writing, self._writing = self._writing, None
        if writing is not None:
            await end({writing}, _END_S)
            if writing.done() and not writing.cancelled():
                writing.exception()  # whoever drops it does not go on with it

    def _fork(self, pipeline: Pipeline) -> Apart | None:
        alone, self._child_failed = self._child_failed, False
        runs = pipeline.parts.bank.population.runs
        if alone or not can_fork() or not 0 < self._options.checkpoint_fork_runs <= runs:
            return None
        try:
            return Apart.begin(lambda: checkpointing.chunks(pipeline))
        except OSError as error:
            _log.warning("checkpoint_child_failed", reason=str(error))
            return None

    async def _write(
        self, bare: Checkpoint, inputs: int, chunks: AsyncGenerator[bytes, None], child: Apart | None = None
    ) -> None:
        """Publish it; where the store is away the next one is due later, and the log holds what it needs.

        inputs: how many it adds to the one before.
        """
        began, size = asyncio.get_running_loop().time(), 0

        async def measured() -> AsyncIterator[bytes]:
            nonlocal size
            async for chunk in chunks:
                size += len(chunk)
                yield chunk

        try:
            async with aclosing(chunks):
                await self._store.checkpoint(bare, measured())
        except StoreUnavailable as error:
            _log.warning("checkpoint_postponed", reason=str(error))
            return
        except ChildFailed as error:
            _log.warning("checkpoint_child_failed", reason=str(error))
            self._child_failed = True  # the next one is encoded here, and soon
            return
        finally:
            if child is not None:
                await child.end()
        self._since -= inputs
        seen = metrics()
        seen.checkpoint_seconds.observe(asyncio.get_running_loop().time() - began)
        seen.checkpoint_bytes.set(size)
        seen.checkpoint_at.set(bare.at)


async def _each(chunks: Iterable[bytes]) -> AsyncGenerator[bytes, None]:
    for chunk in chunks:
        yield chunk

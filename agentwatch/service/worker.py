"""One partition's loop: own it, restore it, then read, compute and commit until told to stop."""

import asyncio
import random
from collections.abc import Callable, Sequence

import structlog

from agentwatch import checkpointing
from agentwatch.config import WorkerOptions
from agentwatch.errors import Fenced, StoreUnavailable
from agentwatch.observe import metrics
from agentwatch.pipeline import Pipeline, order
from agentwatch.ports import DecisionLog, EventSource, Opened, Store
from agentwatch.records import Batch, Commit, Control, Decision, Entry
from agentwatch.service.hub import Hub
from agentwatch.service.metering import count_commit
from agentwatch.service.tally import Tally

__all__ = ["Worker"]

_PAGE = 2000


class Worker:
    """Runs a pipeline over a source and a store. `pipeline` is what is current; it is made anew at each taking over."""

    def __init__(
        self,
        source: EventSource,
        store: Store,
        log: DecisionLog,
        make: Callable[[], Pipeline],
        hub: Hub,
        options: WorkerOptions,
        beat: Callable[[], None],
    ) -> None:
        self._source = source
        self._store = store
        self._log = log
        self.make = make
        self._hub = hub
        self._options = options
        self._beat = beat
        self._stopping = asyncio.Event()
        self._last_checkpoint = 0.0
        self._since_checkpoint = 0
        self.pipeline = make()
        self.tally = Tally()
        self.ready = False
        self.trouble = ""
        self._turned_at = 0.0
        self.last_batch_at = 0.0
        self.lag = 0

    def stop(self) -> None:
        """Ask the loop to end after the batch in hand; it then writes a checkpoint and gives the lease back."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until stopped; a lost lease or an absent store is waited out with growing, jittered pauses."""
        log = structlog.get_logger().bind(task="worker")
        pause = self._options.retry_s
        while not self._stopping.is_set():
            try:
                opened = await self._store.open()
                await self._restore(opened)
                log.info("partition_owned", token=opened.token, position=self.pipeline.positions.events)
                self.ready, self.trouble = True, ""
                pause = self._options.retry_s
                await self._work()
            except Fenced as error:
                self.trouble = str(error)
                log.warning("partition_lost", reason=self.trouble)
            except StoreUnavailable as error:
                self.trouble = str(error)
                log.warning("store_unavailable", reason=self.trouble, retry_s=round(pause, 2))
            finally:
                self.ready = False
            if not self._stopping.is_set():
                self._beat()
                await self._rest(pause)
                pause = min(pause * 2, self._options.retry_max_s)

    def idle_s(self) -> float:
        """Tell the seconds since the loop last turned; 0 before its first turn."""
        return asyncio.get_running_loop().time() - self._turned_at if self._turned_at else 0.0

    async def _work(self) -> None:
        ended: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                keeper = group.create_task(self._keep(), name="lease")
                while not self._stopping.is_set():
                    await self._turn()
                await self._checkpoint()
                keeper.cancel()
        except* (Fenced, StoreUnavailable) as failed:
            ended = _first(failed)
        if ended is not None:
            raise ended
        await self._store.close()

    async def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        batch = await self._source.read(self._options.batch, self._options.block_s)
        self.last_batch_at, self.lag = batch.tick.at, batch.tick.lag
        metrics().events_behind.set(batch.tick.lag)
        if batch.tick.gap:
            metrics().lost.inc(batch.tick.gap)
        read = loop.time()
        commit = self.pipeline.step(batch)
        computed = loop.time()
        if _changes(batch, commit):
            await self._commit(commit)
            self._publish(batch, commit)
        done = loop.time()
        for stage, seconds in (("read", read - started), ("compute", computed - read), ("commit", done - computed)):
            metrics().batch_seconds.labels(stage).observe(seconds)
        self._turned_at = done
        self._beat()
        self._since_checkpoint += len(batch.entries)
        due = done - self._last_checkpoint >= self._options.checkpoint_s and self._since_checkpoint
        if batch.controls or due or self._since_checkpoint >= self._options.checkpoint_events:
            await self._checkpoint()

    async def _commit(self, commit: Commit) -> None:
        """Write the commit, again and again while the store is away: what was computed is not computed twice."""
        pause = self._options.retry_s
        while True:
            try:
                await self._store.commit(commit)
            except StoreUnavailable as error:
                self.ready, self.trouble = False, str(error)
                structlog.get_logger().warning("commit_retried", reason=str(error), retry_s=round(pause, 2))
            else:
                self.ready, self.trouble = True, ""
                return
            self._beat()
            if self._stopping.is_set():
                raise StoreUnavailable(
                    "stopped with a batch that could not be written; it is read again at the next start"
                )
            await self._rest(pause)
            pause = min(pause * 2, self._options.retry_max_s)

    def _publish(self, batch: Batch, commit: Commit) -> None:
        count_commit(batch, commit)
        self.tally.fold(commit, self.last_batch_at)
        decisions = [(f"{decision.seq}-0", decision) for decision in commit.decisions]
        self._hub.committed(decisions, self.pipeline.answers)

    async def _checkpoint(self) -> None:
        await self._store.checkpoint(checkpointing.dump(self.pipeline, self.last_batch_at))
        self._last_checkpoint = asyncio.get_running_loop().time()
        self._since_checkpoint = 0

    async def _restore(self, opened: Opened) -> None:
        """Restore the checkpoint, learn again what was committed after it, and continue from the last commit."""
        pipeline = self.make()
        if opened.checkpoint is not None:
            checkpointing.load(pipeline, opened.checkpoint)
        await self._source.seek(pipeline.positions)
        decisions = await self._decisions(pipeline.positions.seq, opened.committed.seq)
        controls = await self._source.controls(pipeline.positions.controls, opened.committed.controls)
        await self._replay(pipeline, opened.committed.events, decisions, controls)
        pipeline.positions = opened.committed
        await self._source.seek(opened.committed)
        self.pipeline = pipeline
        self._last_checkpoint = asyncio.get_running_loop().time()

    async def _replay(
        self, pipeline: Pipeline, until: str, decisions: Sequence[Decision], controls: Sequence[Control]
    ) -> None:
        rest = list(decisions)
        while True:
            after = pipeline.positions.events
            entries: Sequence[Entry] = ()
            if order(after) < order(until):
                entries = await self._source.history(after, until, _PAGE)
            last = not entries
            reached = order(entries[-1].id) if entries else (0, 0)
            due = rest if last else [d for d in rest if order(d.position) <= reached]
            rest = rest[len(due) :]
            pipeline.recover(entries, due, controls)
            controls = ()
            self._beat()
            if last:
                return

    async def _decisions(self, after: int, until: int) -> list[Decision]:
        found: list[Decision] = []
        while after < until:
            page = await self._log.decisions(f"{after}-0", _PAGE)
            if not page:
                break
            found += [decision for _, decision in page if decision.seq <= until]
            after = page[-1][1].seq
        return found

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._options.renew_s)
            await self._store.renew()

    async def _rest(self, pause: float) -> None:
        """Wait, but no longer than until the loop is to stop."""
        waited = pause * (0.5 + random.random())  # noqa: S311  # jitter, not secrecy
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait([stopping], timeout=waited)
        finally:
            stopping.cancel()


def _changes(batch: Batch, commit: Commit) -> bool:
    """Tell whether a batch changed anything that is worth a commit: an idle tick does not."""
    return bool(batch.entries or batch.controls or batch.acks or commit.decisions or commit.incidents)


def _first(failed: BaseExceptionGroup) -> BaseException:
    """Give what ended a group of tasks: a lost lease before an absent store."""
    found = failed.exceptions
    return next((error for error in found if isinstance(error, Fenced)), found[0])

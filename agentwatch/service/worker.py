"""One partition's loop: own it, restore it, then read, compute and commit until told to stop."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog
from msgspec.structs import replace

from agentwatch.cancellation import end
from agentwatch.config import WorkerOptions
from agentwatch.errors import AgentwatchError, Fenced, StoreUnavailable, TooNew
from agentwatch.observe import metrics
from agentwatch.pipeline import Pipeline
from agentwatch.ports import DecisionLog, EventSource, Store
from agentwatch.records import Astray, Batch, Commit
from agentwatch.service.hub import Hub
from agentwatch.service.metering import Board, Gauges, count_commit
from agentwatch.service.opening import opened_by_us
from agentwatch.service.read_ahead import Pace, ReadAhead
from agentwatch.service.restoring import restore
from agentwatch.service.saving import Saving
from agentwatch.service.tally import RECENT, Tally
from agentwatch.service.trimming import give_back

__all__ = ["Worker"]

_END_S = 5.0
_GAUGE_S = 1.0
_MOST = 1 << 52  # a number beyond it is not believed: scripts count in doubles
T = TypeVar("T")
PassOn = Callable[[Sequence[Astray]], Awaitable[None]]
_log = structlog.get_logger()


class Worker:
    """Runs a pipeline over a source and a store. `pipeline` is what is current; it is made anew at each taking over.

    board: where its gauges are shown, beside those of the process's other partitions. pass_on: puts inputs that lie in
    the wrong partition into their own; what is passed on again after a crash is known there by its id.
    """

    def __init__(
        self,
        source: EventSource,
        store: Store,
        log: DecisionLog,
        make: Callable[[], Pipeline],
        hub: Hub,
        options: WorkerOptions,
        beat: Callable[[], None],
        board: Board | None = None,
        pass_on: PassOn | None = None,
    ) -> None:
        self._source = source
        self._store = store
        self._log = log
        self.make = make
        self._hub = hub
        self._options = options
        self._beat = beat
        self._stopping = asyncio.Event()
        self._saving = Saving(store, options)
        self._heard = 0  # the newest decision's number that anybody was told
        self._inputs = ReadAhead(source, Pace(options.batch, options.turn_s), options.block_s)
        self.pipeline = make()
        self.tally = Tally()
        self.gauges = Gauges(hub, board or Board())
        self._give = pass_on
        self.greet: Callable[[], Awaitable[None]] | None = None  # awaited with the partition in hand, before any batch
        self.ready = False
        self.trouble = ""
        self._turned_at = 0.0
        self.turns = 0
        self._gauged_at = 0.0
        self.last_batch_at = 0.0
        self.lag = 0

    def stop(self) -> None:
        """Ask the loop to end after the batch in hand; it then writes a checkpoint and gives the lease back."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until stopped; a lost lease or an absent store is waited out with growing, jittered pauses."""
        pause = self._options.retry_s
        while not self._stopping.is_set():
            try:
                if not await self._take_over():
                    return
                await give_back(self.pipeline.parts.bank.population.runs)
                if self.greet is not None:
                    await self.greet()
                pause = self._options.retry_s
                await self._work()
            except Fenced as error:
                self._tell(owned=False, trouble=str(error))
                _log.warning("partition_lost", reason=self.trouble)
            except TooNew as error:
                self._tell(owned=False, trouble=str(error))
                _log.error("left_to_a_newer_version", reason=self.trouble, retry_s=self._options.retry_max_s)
                pause = self._options.retry_max_s
                await self._store.close()
            except StoreUnavailable as error:
                self._tell(owned=False, trouble=str(error))
                _log.warning("store_unavailable", reason=self.trouble, retry_s=round(pause, 2))
            finally:
                self._tell(owned=False, trouble=self.trouble)
                self.gauges.owes("")
                self._hub.recent.end()
            if not self._stopping.is_set():
                self._beat()
                await self._rest(pause)
                pause = min(pause * 2, self._options.retry_max_s)

    def hear(self, number: int) -> None:
        """Learn of a decision's number that somebody outside was told, a guard or a broker.

        A store that lost its last moment would give it away again, and guards refuse what is older than what they know.
        So numbering goes on behind it.
        """
        if self._heard < number <= _MOST:
            self._heard = number

    def idle_s(self) -> float:
        """Tell the seconds since the loop last turned; 0 before its first turn."""
        return asyncio.get_running_loop().time() - self._turned_at if self._turned_at else 0.0

    async def _take_over(self) -> bool:
        """Wait for the partition and bring the pipeline to where it is; False at a stop.

        What the store gave holds the whole checkpoint, so it must not outlive this.
        """
        opened = await opened_by_us(self._store, self._stopping, self._beat)
        if opened is None:
            return False
        pipeline = self.make()
        learnt = await restore(pipeline, opened, self._source, self._log, self._beat)
        recent = await self._log.decisions(f"{max(0, opened.committed.seq - RECENT)}-0", RECENT)
        self.tally.remember([decision for _, decision in recent])
        self.pipeline = pipeline
        self._inputs.settled()
        self._hub.recent.begin(pipeline.positions.seq)
        self._saving.begin(learnt)
        _log.info("partition_owned", token=opened.token, position=pipeline.positions.events, learnt_again=learnt)
        self._tell(owned=True)
        return True

    async def _work(self) -> None:
        """Turn until stopped, beside the keeper of the lease; raises what ended either of them."""
        keeper = asyncio.create_task(self._keep(), name="agentwatch-lease")
        turning = asyncio.create_task(self._turns(), name="agentwatch-turns")
        try:
            await asyncio.wait({keeper, turning}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            try:
                await end({keeper, turning}, _END_S)
            finally:
                await self._saving.drop()
                await self._inputs.drop()
        for task in (keeper, turning):
            if task.done() and not task.cancelled():
                task.result()
        await self._inputs.put_back(self.pipeline.positions)
        await self._store.close()

    async def _turns(self) -> None:
        while not self._stopping.is_set():
            await self._turn()
        await self._saving.last(self.pipeline, self.last_batch_at)

    async def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        batch = await self._insist("read", lambda: self._inputs.next(self.pipeline.positions))
        self.last_batch_at, self.lag = batch.tick.at, batch.tick.lag
        if self.lag:  # the server looks for more while this is computed
            self._inputs.begin()
        await asyncio.sleep(0)
        read, busy = loop.time(), time.thread_time()
        skipped = self._skip_numbers()
        commit = self.pipeline.step(batch)
        computed = loop.time()
        self._inputs.pace.took(len(batch.entries), time.thread_time() - busy)
        if commit.astray:
            await self._insist("pass_on", lambda: self._pass_on(commit.astray))
        if skipped or _changes(batch, commit):
            self._inputs.begin()
            await self._insist("commit", lambda: self._store.commit(commit))
            self._publish(batch, commit)
            await self._hub.sinks_first(commit.decisions)
        done = loop.time()
        for stage, seconds in (("read", read - started), ("compute", computed - read), ("commit", done - computed)):
            metrics().batch_seconds.labels(stage).observe(seconds)
        self._turned_at = done
        self.turns += 1
        self._beat()
        self._gauge(done)
        self._saving.learnt(len(batch.entries) + len(batch.controls) + len(batch.acks))
        if self._saving.due():
            self._saving.take(self.pipeline, self.last_batch_at)

    async def _pass_on(self, inputs: Sequence[Astray]) -> None:
        if self._give is None:
            raise AgentwatchError(f"{len(inputs)} inputs belong into other partitions, and there is no way to them")
        await self._give(inputs)
        _log.info("inputs_passed_on", inputs=len(inputs))

    def _skip_numbers(self) -> bool:
        """Go on behind every number that was ever heard of; true where that leaves some out."""
        at = self.pipeline.positions
        if self._heard <= at.seq:
            return False
        _log.warning("decision_numbers_skipped", stored=at.seq, heard=self._heard)
        self.pipeline.positions = replace(at, seq=self._heard)
        return True

    async def _insist(self, what: str, call: Callable[[], Awaitable[T]]) -> T:
        """Call the store again and again while it is away: what was computed is not computed twice.

        What was read ahead is let go then: its time is of before.
        """
        pause = self._options.retry_s
        while True:
            try:
                result = await call()
            except StoreUnavailable as error:
                self._tell(owned=False, trouble=str(error))
                _log.warning(f"{what}_retried", reason=str(error), retry_s=round(pause, 2))
                await self._inputs.drop()
            else:
                self._tell(owned=True)
                return result
            self._beat()
            if self._stopping.is_set():
                raise StoreUnavailable("stopped while the store was away; what was not written is read again")
            await self._rest(pause)
            pause = min(pause * 2, self._options.retry_max_s)

    def _publish(self, batch: Batch, commit: Commit) -> None:
        self.hear(commit.positions.seq)
        count_commit(batch, commit, self.pipeline)
        self.tally.fold(commit, self.last_batch_at)
        decisions = [(f"{decision.seq}-0", decision) for decision in commit.decisions]
        self._hub.committed(decisions, self.pipeline.answers)

    async def _keep(self) -> None:
        """Renew the lease; while the store is away there is nothing to renew, and only a lost lease ends this."""
        while True:
            await asyncio.sleep(self._options.renew_s)
            try:
                self.gauges.owes(await self._store.renew())
            except StoreUnavailable as error:
                _log.warning("lease_not_renewed", reason=str(error))

    async def _rest(self, pause: float) -> None:
        """Wait, but no longer than until the loop is to stop."""
        waited = pause * (0.5 + random.random())  # noqa: S311  # jitter, not secrecy
        try:
            async with asyncio.timeout(waited):
                await self._stopping.wait()
        except TimeoutError:
            return

    def _tell(self, *, owned: bool, trouble: str = "") -> None:
        self.ready, self.trouble = owned, trouble
        self.gauges.owner(owned)

    def _gauge(self, now: float) -> None:
        if now - self._gauged_at >= _GAUGE_S:
            self._gauged_at = now
            self.gauges.show(self.pipeline, self.last_batch_at, self.lag)


def _changes(batch: Batch, commit: Commit) -> bool:
    """Tell whether a batch changed anything that is worth a commit: an idle tick does not."""
    inputs = batch.entries or batch.controls or batch.acks or batch.tick.gap
    return bool(inputs or commit.decisions or commit.incidents)

"""Changes the number of partitions, with everything kept: state, what stands, and every entry that was not read yet.

The workers are asked to let go of all they hold; each commits, writes a checkpoint and gives its lease back. Then this
process alone holds every partition, old and new: it restores them, makes the new ones out of the apps that fall into
each, and writes those as checkpoints, each at the position that its stream had reached. A crash on the way loses
nothing: run it again. What lies unread in a partition that is no
longer its own is passed on by the worker that reads it; what is left in partitions that are no longer read, and what
producers still write there until they have looked the number up again, is passed on here.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

import structlog
from msgspec import Struct
from msgspec.structs import replace

from agentwatch import checkpointing
from agentwatch.cancellation import end
from agentwatch.counting import counted
from agentwatch.errors import BadConfig, Unavailable
from agentwatch.keys import Home
from agentwatch.pipeline import Pipeline
from agentwatch.ports import DecisionLog, EventSource, Opened, Store
from agentwatch.records import Commit, Positions
from agentwatch.service.restoring import restore
from agentwatch.service.worker import PassOn

__all__ = ["Partition", "Resized", "Resizer", "Switch"]

_log = structlog.get_logger()
_HOLD_S = 30.0  # how long workers stay away unless they are asked again
_AGAIN_S = 5.0
_BATCH = 1000


class Partition(Struct, frozen=True):
    """The adapters of one partition."""

    store: Store
    source: EventSource
    log: DecisionLog


class Resized(Struct, frozen=True, kw_only=True):
    """What was done: apps that moved to another partition, and inputs that were passed on here."""

    before: int
    after: int
    apps: int
    moved: int
    standing: int
    passed_on: int = 0


class Switch(Protocol):
    """What holds for all partitions in the store. Raises `StoreUnavailable`."""

    async def hold(self, seconds: float) -> None:
        """Keep workers from taking partitions for so long; 0 lets them."""

    async def count(self, partitions: int) -> None:
        """Write the number of partitions."""

    async def most(self) -> int:
        """Tell the most partitions that there ever were, 0 where they were never changed."""

    async def forget(self, partition: int, subjects: Sequence[str]) -> None:
        """Take away what stands for subjects in a partition that is no longer theirs."""


class Retired(Protocol):
    """What is left of partitions that are served no longer. Raises `StoreUnavailable`."""

    async def revive(self, partition: int) -> None:
        """Let nothing of a partition end by itself that is to be served."""

    async def retire(self, partition: int, partitions: int) -> None:
        """Move or let go what a partition left that none of `partitions` is."""


class Resizer:
    """Changes the number of partitions once. `make` makes an empty pipeline; `at` gives a partition's adapters.

    grace_s: how long guards and producers may go by the old number. wait_s: how long to wait for the workers.
    """

    def __init__(
        self,
        at: Callable[[int], Partition],
        make: Callable[[Home], Pipeline],
        switch: Switch,
        retired: Retired,
        pass_on: PassOn,
        grace_s: float = 15.0,
        wait_s: float = 120.0,
    ) -> None:
        self._at = at
        self._make = make
        self._switch = switch
        self._retired = retired
        self._pass_on = pass_on
        self._grace_s = grace_s
        self._wait_s = wait_s

    async def run(self, before: int, after: int) -> Resized:
        """Do it. Raises `Unavailable` where the store or a worker does not let it; run it again then."""
        if before == after:
            return await self._cleared(after)
        opened: dict[int, Opened] = {}
        parts = {index: self._at(index) for index in range(max(before, after))}
        holding = asyncio.create_task(self._hold(), name="agentwatch-resize-hold")
        try:
            await self._open(parts, opened)
            for index in range(before, after):
                await self._retired.revive(index)
            olds = [await self._restored(index, before, parts[index], opened[index]) for index in range(before)]
            # First more than is needed everywhere, then the number, then less: no moment loses anything.
            homes = [(Home(index, after), opened[index].committed) for index in range(after)]
            await self._write(parts, [self._made(home, olds, at, keep=True) for home, at in homes])
            await self._switch.count(after)
            await self._write(parts, [self._made(home, olds, at, keep=False) for home, at in homes])
            done, strangers = _told(olds, after), _strangers(olds, after)
            _log.info("partitions_changed", before=before, after=after, apps=done.apps, moved=done.moved)
        finally:
            await end({holding}, 1.0)
            for index in opened:
                with suppress(Unavailable):
                    await parts[index].store.close()
            with suppress(Unavailable):
                await self._switch.hold(0)
        passed_on = await self._sweep(before, after)
        for index, subjects in strangers.items():
            await self._switch.forget(index, subjects)
        await self._retire(before, after)
        return replace(done, passed_on=passed_on)

    async def _cleared(self, partitions: int) -> Resized:
        """Finish a change that was broken off after the number was written; `BadConfig` where there was none."""
        most = await self._switch.most()
        if most <= partitions:
            raise BadConfig(f"it is {counted(partitions, 'partition')} already", "partitions")
        passed_on = await self._sweep(most, partitions)
        await self._retire(most, partitions)
        return Resized(before=partitions, after=partitions, apps=0, moved=0, standing=0, passed_on=passed_on)

    async def _retire(self, before: int, after: int) -> None:
        for index in range(after, before):
            await self._retired.retire(index, after)
            _log.info("partition_retired", partition=index)

    async def _hold(self) -> None:
        while True:
            try:
                await self._switch.hold(_HOLD_S)
            except Unavailable as error:
                _log.warning("hold_not_renewed", reason=str(error))
            await asyncio.sleep(_AGAIN_S)

    async def _open(self, parts: dict[int, Partition], opened: dict[int, Opened]) -> None:
        for index, part in parts.items():
            try:
                async with asyncio.timeout(self._wait_s):
                    opened[index] = await part.store.open()
            except TimeoutError as error:
                raise Unavailable(f"partition {index} was not given up within {self._wait_s:g} s") from error
            _log.info("partition_taken", partition=index)

    async def _restored(self, index: int, before: int, part: Partition, found: Opened) -> Pipeline:
        pipeline = self._make(Home(index, before))
        await restore(pipeline, found, part.source, part.log, lambda: None)
        return pipeline

    def _made(self, home: Home, olds: Sequence[Pipeline], committed: Positions, *, keep: bool) -> Pipeline:
        """Make a partition of what is its own; `keep`: and of all that it had before."""
        made = self._make(home)
        made.positions = committed
        for index, old in enumerate(olds):
            own = index == home.index
            made.absorb(old, _everything if keep and own else home.mine, everyones=own or home.index >= len(olds))
        return made

    async def _write(self, parts: dict[int, Partition], news: Sequence[Pipeline]) -> None:
        # A subject's epochs are numbers of the log: no partition may count from below any other.
        highest = max(pipeline.positions.seq for pipeline in news)
        for index, pipeline in enumerate(news):
            now = pipeline.ledgers.gate.now
            pipeline.positions = replace(pipeline.positions, seq=highest)
            commands = tuple(pipeline.ledgers.standing.commands(now))
            await parts[index].store.commit(Commit(positions=pipeline.positions, at=now, commands=commands))
            await parts[index].store.checkpoint(checkpointing.dump(pipeline, now))

    async def _sweep(self, before: int, after: int) -> int:
        """Pass on what is left in partitions that nobody reads any more, until no producer can write there."""
        if after >= before:
            return 0
        passed = 0
        loop = asyncio.get_running_loop()
        until = loop.time() + self._grace_s
        while True:
            last = loop.time() >= until
            for index in range(after, before):
                passed += await self._drain(index, after)
            if last:
                return passed
            await asyncio.sleep(min(1.0, self._grace_s))

    async def _drain(self, index: int, partitions: int) -> int:
        """Pass everything on that a partition's streams hold after its position, and put the position behind it."""
        part = self._at(index)
        found = await part.store.open()
        pipeline = self._make(Home(index, partitions))  # nothing is its own
        pipeline.positions = found.committed
        await part.source.seek(found.committed)
        passed = 0
        try:
            while True:
                batch = await part.source.read(_BATCH, 0.0)
                commit = pipeline.step(batch)
                if not (batch.entries or batch.controls or batch.acks):
                    return passed
                await self._pass_on(commit.astray)
                await part.store.commit(replace(commit, decisions=(), commands=(), cleared=(), incidents=()))
                passed += len(commit.astray)
        finally:
            await part.store.close()


def _everything(_subject: str) -> bool:
    return True


def _told(olds: Sequence[Pipeline], after: int) -> Resized:
    apps = [(index, *key) for index, old in enumerate(olds) for key in old.parts.bank.population.apps]
    moved = sum(Home(index, after).app(tenant, app) != index for index, tenant, app in apps)
    standing = sum(len(old.ledgers.standing) for old in olds)
    return Resized(before=len(olds), after=after, apps=len(apps), moved=moved, standing=standing)


def _strangers(olds: Sequence[Pipeline], after: int) -> dict[int, list[str]]:
    """Name the subjects whose command still lies in a partition that is no longer theirs."""
    found: dict[int, list[str]] = {}
    for index, old in enumerate(olds):
        home = Home(index, after)
        subjects = [one.subject for one in old.ledgers.standing if index >= after or not home.mine(one.subject)]
        if subjects:
            found[index] = subjects
    return found

"""Which partitions this process serves: the one it was told to, or its share of all, taken and given up by itself.

Each worker gives signs of life and looks around. It takes free partitions up to its share (all, by the number of live
workers, rounded up), and gives one up where it holds more, so that a worker that joined finds one. Who dies leaves its
leases to end; who is only paused finds on waking that its token is old, and lets go without having written anything.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Literal

import structlog
from msgspec.structs import replace

from agentwatch.cancellation import end
from agentwatch.errors import Elsewhere, StoreUnavailable, Unavailable
from agentwatch.keys import partition_of
from agentwatch.membership import Member, Members, Spread
from agentwatch.service.seat import Seat

__all__ = ["Seats"]

_log = structlog.get_logger()
_END_S = 5.0
_DIGITS = 4  # of the number of a partition


class Seats:
    """The seats of this process. `make` makes one; `wanted` is a partition, or "auto" for a share of all."""

    def __init__(
        self,
        members: Members,
        make: Callable[[int], Seat],
        wanted: int | Literal["auto"],
        look_s: float,
        beat: Callable[[], None],
        me: Member,
    ) -> None:
        self._members = members
        self._make = make
        self._wanted = wanted
        self._look_s = look_s
        self._beat = beat
        self._stopping = asyncio.Event()
        self._held: dict[int, tuple[Seat, asyncio.Task[None]]] = {}
        self._looked = False
        self.me = me
        self.spread = Spread(now=0.0, members=(), owners=())

    @property
    def held(self) -> tuple[Seat, ...]:
        """The seats, by partition."""
        return tuple(seat for _, (seat, _) in sorted(self._held.items()))

    @property
    def ready(self) -> bool:
        """Whether every seat works; a worker whom there is nothing left to do is ready to step in."""
        seats = self.held
        return self._looked and all(seat.worker.ready for seat in seats) and (bool(seats) or self._wanted == "auto")

    def tell(self, url: str) -> None:
        """Let others know where this worker's control API answers."""
        self.me = replace(self.me, url=url)

    def of(self, subject: str) -> Seat:
        """Find the seat that serves a subject. Raises `Elsewhere`, with where, or `Unavailable` where nobody does."""
        return self.seat(partition_of(subject, max(1, len(self.spread.owners))))

    def seat(self, index: int) -> Seat:
        """Find the seat of a partition. Raises as `of` does."""
        held = self._held.get(index)
        if held is not None and held[0].worker.ready:
            return held[0]
        url = self.spread.url_of(index)
        if url and url != self.me.url:
            raise Elsewhere(f"partition {index} is served by another worker", url)
        raise Unavailable(f"partition {index} is served by nobody now")

    def has(self, index: str) -> bool:
        """Tell whether what a caller wrote is the number of a partition."""
        return index.isdecimal() and len(index) <= _DIGITS and int(index) < max(1, len(self.spread.owners))

    def any(self) -> Seat:
        """Find a seat for what every partition can answer. Raises as `of` does."""
        working = next((seat for seat in self.held if seat.worker.ready), None)
        return working if working is not None else self.seat(0)

    def stop(self) -> None:
        """Ask every seat to end, and take no more."""
        self._stopping.set()
        for seat in self.held:
            seat.stop()

    async def run(self) -> None:
        """Take and keep seats until stopped; raises what ended one of them."""
        stopping = asyncio.create_task(self._stopping.wait(), name="agentwatch-seats-stopping")
        try:
            while not self._stopping.is_set():
                await self._round()
                waited = self._look_s * (0.5 + random.random())  # noqa: S311  # jitter, not secrecy
                tasks = {task for _, task in self._held.values()}
                await asyncio.wait({stopping, *tasks}, timeout=waited, return_when=asyncio.FIRST_COMPLETED)
                self._let_go()
            self.stop()
            await asyncio.wait({task for _, task in self._held.values()} or {stopping})
            self._let_go()
            await self._leave()
        finally:
            await end({stopping, *(task for _, task in self._held.values())}, _END_S)

    async def _round(self) -> None:
        try:
            self.spread = await self._members.look(self.me)
        except StoreUnavailable as error:
            _log.warning("workers_unseen", reason=str(error))  # what is held is kept: the leases decide
            if not self._held:
                self._beat()
            return
        if self.spread.held_back:
            self._give_all_up()
        elif self._wanted == "auto":
            self._balance(self.spread)
        elif self._wanted not in self._held:
            self._take(self._wanted)
        self._looked = True
        if not self._held:
            self._beat()

    def _balance(self, spread: Spread) -> None:
        for index, (seat, _) in self._held.items():
            owner = spread.owners[index] if index < len(spread.owners) else None
            lost = owner is not None and owner.who != self.me.name and not seat.worker.ready
            if (lost or index >= len(spread.owners)) and not seat.stopping:
                _log.warning("partition_left", partition=index, owner=owner.who if owner else "")
                seat.stop()
        mine = [index for index, (seat, _) in sorted(self._held.items()) if not seat.stopping]
        if len(mine) > spread.share:
            _log.info("partition_given_up", partition=mine[-1], share=spread.share, workers=len(spread.members))
            self._held[mine[-1]][0].stop()
            return
        free = [index for index, owner in enumerate(spread.owners) if owner is None and index not in self._held]
        random.shuffle(free)  # so that two workers that look at once do not reach for the same
        for index in free[: spread.share - len(mine)]:
            self._take(index)

    def _give_all_up(self) -> None:
        for seat in self.held:
            if not seat.stopping:
                _log.info("partition_given_up", partition=seat.index, reason="the number of partitions is changed")
                seat.stop()

    def _take(self, index: int) -> None:
        seat = self._make(index)
        self._held[index] = (seat, asyncio.create_task(seat.run(), name=f"agentwatch-seat-{index}"))

    def _let_go(self) -> None:
        for index, (_, task) in tuple(self._held.items()):
            if task.done():
                del self._held[index]
                task.result()

    async def _leave(self) -> None:
        try:
            await self._members.leave(self.me.name)
        except StoreUnavailable as error:
            _log.warning("leave_untold", reason=str(error))

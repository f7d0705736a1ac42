"""Sends incidents to one receiver, from the committed log, at least once each: a persisted cursor survives restarts.

A receiver that is away delays its alerts and loses none; when it is back it gets, of each incident, how it began and
how it stands, not every step between. A receiver that refuses a message for good does not hold up the next one.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Literal

import structlog
from msgspec import Meta, Struct

from agentwatch.alert.meaning import APPROVAL
from agentwatch.backoff import Backoff, BackoffOptions
from agentwatch.cancellation import end
from agentwatch.errors import NotifyRefused, NotifyUnavailable, StoreUnavailable
from agentwatch.observe import metrics
from agentwatch.ports import DecisionLog, Notifier
from agentwatch.records import Incident, Level

__all__ = ["DeliverOptions", "Delivery"]

LevelName = Literal["warn", "throttle", "pause", "kill"]
State = Literal["opened", "updated", "resolved"]
_START = "0-0"
_END_S = 1.0
_ALL: tuple[State, ...] = ("opened", "updated", "resolved")


class DeliverOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one receiver wants to hear, and how patient it is served.

    min_level: incidents that reached it; a kill without effect is told whatever its level. states: of these only.
    tenants, teams: globs; none: all. would_have: also what was held back by the gate, and observe mode. repeat_s: an
    open incident is told again after this much silence (0: never). first_s: how old an alert may be that a receiver
    gets when it is new. deadline_s: an answer that takes longer has failed. retry_s, retry_max_s: waits after failures.
    poll_s: how often the log is looked at. max_open: open incidents remembered for repeating.
    """

    min_level: LevelName = "warn"
    states: Annotated[tuple[State, ...], Meta(min_length=1)] = _ALL
    tenants: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    would_have: bool = True
    repeat_s: Annotated[float, Meta(ge=0, le=7 * 86400)] = 0.0
    first_s: Annotated[float, Meta(ge=0, le=30 * 86400)] = 900.0
    deadline_s: Annotated[float, Meta(gt=0, le=600)] = 60.0
    retry_s: Annotated[float, Meta(gt=0, le=3600)] = 1.0
    retry_max_s: Annotated[float, Meta(gt=0, le=3600)] = 300.0
    poll_s: Annotated[float, Meta(gt=0, le=60)] = 1.0
    batch: Annotated[int, Meta(ge=1, le=10_000)] = 200
    max_open: Annotated[int, Meta(ge=1, le=100_000)] = 1000


class Delivery:
    """One receiver's loop: `await run()` until it is cancelled. `clock` gives unix seconds."""

    def __init__(
        self, log: DecisionLog, notifier: Notifier, options: DeliverOptions, clock: Callable[[], float]
    ) -> None:
        self._log = log
        self._notifier = notifier
        self._options = options
        self._clock = clock
        self._backoff = Backoff(BackoffOptions(min_s=options.retry_s, max_s=options.retry_max_s))
        self._open: OrderedDict[str, tuple[float, Incident]] = OrderedDict()
        self._sent: OrderedDict[tuple[str, int], None] = OrderedDict()
        self._least = Level[options.min_level]
        self._wake = asyncio.Event()
        self._leaving = False
        self._at_rest = asyncio.Event()  # nothing is on its way that is not noted yet
        self._at_rest.set()
        self.sink = f"notify:{notifier.name}"
        self.failing = ""  # why the receiver or the log does not take or give; empty while all is well
        self._logger = structlog.get_logger().bind(receiver=notifier.name)

    def wake(self) -> None:
        """Look at the log now: something was committed."""
        self._wake.set()

    async def leave(self, within_s: float) -> None:
        """Begin nothing more, and wait until what is on its way is noted: who comes next tells nothing twice."""
        self._leaving = True
        try:
            async with asyncio.timeout(within_s):
                await self._at_rest.wait()
        except TimeoutError:
            self._logger.warning("alert_left_behind", within_s=within_s)

    async def run(self) -> None:
        """Deliver for ever. A failure is waited out with growing, jittered waits, and logged once when it begins."""
        position: str | None = None
        while True:
            try:
                if position is None:
                    position = await self._begin()
                position, more = await self._pass(position)
            except StoreUnavailable as error:
                await self._wait_out("log", str(error), None)
            except NotifyUnavailable as error:
                position = await self._cursor_or(position)
                await self._wait_out("receiver", error.reason, error.retry_after_s)
            else:
                self._well()
                if not more:
                    await self._sleep(self._options.poll_s)

    async def _cursor_or(self, position: str | None) -> str | None:
        """After a failure go on from the cursor: what was confirmed before it is not sent again."""
        try:
            return await self._log.cursor(self.sink) or position
        except StoreUnavailable:
            return None

    async def _begin(self) -> str:
        """Find out where to go on, and what is open that was told before."""
        cursor = await self._log.cursor(self.sink)
        if self._options.repeat_s and cursor is not None:
            await self._recall(cursor)
        return cursor if cursor is not None else await self._skip_old()

    async def _skip_old(self) -> str:
        """Let a new receiver begin with what is recent."""
        position, oldest = _START, self._clock() - self._options.first_s
        while True:
            entries = await self._log.incidents(position, self._options.batch)
            for at, incident in entries:
                if incident.updated_at >= oldest:
                    return position
                position = at
            if not entries:
                return position

    async def _recall(self, cursor: str) -> None:
        position = _START
        while _order(position) < _order(cursor):
            entries = await self._log.incidents(position, self._options.batch)
            if not entries:
                return
            for position, incident in entries:
                if _order(position) <= _order(cursor) and incident.silenced:
                    self._open.pop(incident.id, None)
                elif _order(position) <= _order(cursor) and self._wanted(incident):
                    self._remember(incident, incident.updated_at)

    async def _pass(self, position: str) -> tuple[str, bool]:
        """Send one batch and what is to be repeated; tells how far it came and whether there may be more."""
        entries = await self._log.incidents(position, self._options.batch)
        needless = _superseded(entries)
        for at, incident in entries:
            if self._leaving:
                return position, False
            self._at_rest.clear()
            try:
                # what was sent just before the log failed to take the cursor is not sent again
                if at not in needless and (incident.id, incident.seq) not in self._sent and self._wanted(incident):
                    await self._send(incident)
                elif incident.silenced:
                    self._open.pop(incident.id, None)  # nor is it repeated
                await self._log.move(self.sink, at)
            finally:
                self._at_rest.set()
            position = at
        await self._repeat()
        return position, len(entries) >= self._options.batch

    async def _repeat(self) -> None:
        if not self._options.repeat_s or self._leaving:
            return
        now = self._clock()
        for told_at, incident in list(self._open.values()):
            if now - told_at >= self._options.repeat_s:
                await self._send(incident)

    async def _send(self, incident: Incident) -> None:
        """Deliver within the deadline; what is refused for good is counted and left."""
        task = asyncio.create_task(self._notifier.notify(incident), name=f"agentwatch-{self.sink}")
        try:
            done, _ = await asyncio.wait((task,), timeout=self._options.deadline_s)
        finally:
            await end({task}, _END_S)
        if not done:
            raise NotifyUnavailable(f"no answer within {self._options.deadline_s:g} s")
        try:
            task.result()
        except NotifyRefused as error:
            self._count("refused")
            self._logger.warning("alert_refused", incident=incident.id, seq=incident.seq, reason=error.reason)
            self._open.pop(incident.id, None)
            return
        self._count("sent")
        self._sent[(incident.id, incident.seq)] = None
        if len(self._sent) > self._options.batch:
            self._sent.popitem(last=False)
        self._remember(incident, self._clock())

    def _remember(self, incident: Incident, at: float) -> None:
        self._open.pop(incident.id, None)
        if incident.state == "resolved" or not self._options.repeat_s:
            return
        self._open[incident.id] = (at, incident)
        if len(self._open) > self._options.max_open:
            self._open.popitem(last=False)
            self._count("forgotten")

    def _wanted(self, incident: Incident) -> bool:
        options = self._options
        if incident.receivers and self._notifier.name not in incident.receivers:
            return False
        if not (_fits(incident.tenant, options.tenants) and _fits(incident.team, options.teams)):
            return False
        if incident.verified == "failed":
            return True  # in spite of a silence: somebody must be woken
        if incident.silenced:
            return False
        if incident.gate not in ("", APPROVAL) and not options.would_have:
            return False
        return incident.level >= self._least and incident.state in options.states

    async def _wait_out(self, what: str, reason: str, retry_after_s: float | None) -> None:
        wait_s = max(self._backoff.next(), retry_after_s or 0.0)
        self._count("failed")
        if not self.failing:
            self._logger.warning("alerts_delayed", what=what, reason=reason, wait_s=round(wait_s, 1))
        self.failing = f"{what}: {reason}"
        await asyncio.sleep(wait_s)

    def _well(self) -> None:
        if self.failing:
            self._logger.info("alerts_resumed", was=self.failing)
        self.failing = ""
        self._backoff.reset()

    async def _sleep(self, seconds: float) -> None:
        waiting = asyncio.create_task(self._wake.wait(), name=f"agentwatch-{self.sink}-wake")
        try:
            await asyncio.wait((waiting,), timeout=seconds)
        finally:
            waiting.cancel()
        self._wake.clear()

    def _count(self, outcome: str) -> None:
        metrics().notifications.labels(self._notifier.name, outcome).inc()


def _superseded(entries: Sequence[tuple[str, Incident]]) -> Collection[str]:
    """List the positions of states that a later one of the same batch makes needless: neither first nor last."""
    last: dict[str, str] = {}
    needless = set()
    for position, incident in entries:
        if incident.silenced:
            continue
        before = last.get(incident.id)
        if before is not None:
            needless.add(before)
        if incident.state != "opened":
            last[incident.id] = position
    return needless


def _fits(name: str, globs: Sequence[str]) -> bool:
    return not globs or any(fnmatchcase(name, glob) for glob in globs)


def _order(position: str) -> tuple[int, int]:
    first, _, second = position.partition("-")
    return int(first), int(second or 0)

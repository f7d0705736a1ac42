"""The guard's heart: runs the channels, keeps what stands, wakes whoever waits for it, and answers commands."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from math import inf

from agentwatch.cancellation import end
from agentwatch.client.acking import Acking
from agentwatch.client.channel import Channel
from agentwatch.client.identity import Identity
from agentwatch.client.log import log
from agentwatch.client.obedience import Answer, Held, Obedience, Standing
from agentwatch.client.options import GuardOptions
from agentwatch.errors import SignalUnavailable
from agentwatch.records import Ack, AckState, Command

__all__ = ["Watch"]


class Watch:
    """What one guard knows. Lives on one event loop; `standing` and `blocked` may be read from any thread."""

    def __init__(
        self,
        identity: Identity,
        options: GuardOptions,
        guard_id: str,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._identity = identity
        self._options = options
        self._guard_id = guard_id
        self._clock = clock
        self._wall = wall
        self._obedience = Obedience(identity.subjects())
        self._channels: list[Channel] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._refreshing: asyncio.Task[None] | None = None
        self._up: dict[str, bool] = {}
        self._down_since = 0.0
        self._ever_up = False
        self._tried = asyncio.Event()
        self._changed = asyncio.Event()
        self._acks = Acking(guard_id, options.max_acks, self._working)
        self._effective: dict[str, str] = {}
        self._told_of = ""
        self._asking = False
        self._next_end: asyncio.TimerHandle | None = None
        self.settled_at = 0.0
        self.on_kill: Callable[[Command], None] | None = None
        self.on_release: Callable[[], None] | None = None

    async def start(self, channels: Sequence[Channel]) -> None:
        """Start the channels and wait until each has worked or failed once, at most `start_timeout_s`."""
        self._channels = list(channels)
        self._down_since = self._clock()
        for channel in channels:
            task = asyncio.create_task(channel.run(), name=f"agentwatch-{channel.name}")
            task.add_done_callback(partial(self._ended, channel.name))
            self._tasks.append(task)
        self._tasks.append(asyncio.create_task(self._acks.run(), name="agentwatch-acks"))
        tried = asyncio.create_task(self._tried.wait(), name="agentwatch-start")
        once = {tried, *self._tasks}
        try:
            await asyncio.wait(once, timeout=self._options.start_timeout_s, return_when="FIRST_COMPLETED")
        except asyncio.CancelledError:
            await self._leave()  # nobody closes what was never entered
            raise
        finally:
            tried.cancel()

    async def close(self) -> None:
        """Hand over what is left to answer within `close_s`, then end the channels, also where it is cancelled."""
        try:
            if self._acks and self._tasks and any(self._up.values()):
                await self._acks.handed_over(self._options.close_s)
        finally:
            await self._leave()
        if self._acks:
            log.warning("guard_acks_left", guard=self._guard_id, left=len(self._acks))

    @property
    def acks_dropped(self) -> int:
        """How many acknowledgements were dropped because too many waited."""
        return self._acks.dropped

    @property
    def epoch(self) -> int:
        """The highest epoch of a command that was received."""
        return self._obedience.epoch

    def now(self) -> float:
        """Tell the monotonic time by which leases end."""
        return self._clock()

    def standing(self) -> Standing:
        """Tell what stands now."""
        return self._obedience.standing(self._clock())

    def blocked(self) -> bool | None:
        """Whether failing closed forbids to go on: True, False, or None while the first word is still awaited."""
        if self._options.fail == "open" or any(self._up.values()):
            return False
        if self._clock() - self._down_since >= self._options.fail_after_s:
            return True
        return False if self._ever_up else None

    def stale(self) -> bool:
        """Whether the authority's last word is older than it may be: this loop was kept busy by the agent."""
        late = self._clock() - self.settled_at > self._options.poll_s
        return late and self.settled_at > 0 and self._up.get(self._channels[0].name, False)

    async def refresh(self) -> None:
        """Ask the authority now; that it cannot be reached is the channel's to report."""
        try:
            await self._channels[0].refresh()
        except SignalUnavailable as error:
            log.debug("guard_refresh_failed", guard=self._guard_id, reason=str(error))

    async def changed(self, within_s: float | None) -> None:
        """Wait until what stands may have changed, at most `within_s` seconds."""
        event = self._changed
        try:
            async with asyncio.timeout(within_s):
                await event.wait()
        except TimeoutError:
            return

    def effective(self, command: Command) -> None:
        """Acknowledge once that the agent really obeys a command."""
        if self._effective.get(command.subject) != command.id:
            self._effective[command.subject] = command.id
            self.acknowledge(command, "effective")

    def acknowledge(self, command: Command, state: AckState, reason: str = "") -> None:
        """Queue an acknowledgement."""
        who = self._identity
        ack = Ack(
            command=command.id,
            subject=command.subject,
            epoch=command.epoch,
            state=state,
            at=self._wall(),
            guard=self._guard_id,
            agent=who.agent,
            run=who.run,
            root_run=who.root_run,
            app=who.app,
            tenant=who.tenant,
            reason=reason,
        )
        self._acks.put(ack)

    def settled(self, found: Mapping[str, Held], asked_at: float) -> None:
        """Take the authority's whole word on this run."""
        self.settled_at = self._clock()
        self._take(self._obedience.settle(found, asked_at))

    def unsettled(self) -> None:
        """Note that the authority cannot be read."""
        self._take(self._obedience.lose())

    def heard(self, command: Command, lease_s: float) -> None:
        """Take one pushed command; the authority, where there is one, is asked at once whether it agrees."""
        now = self._clock()
        self._take(self._obedience.hear(command, now + lease_s, now))
        self._poke()

    def forgotten(self, subjects: Sequence[str]) -> None:
        """Note that nothing is retained for these subjects."""
        self._take(self._obedience.forget(subjects))
        self._poke()

    def complete(self, subjects: Sequence[str]) -> None:
        """Note that a broker has told all that it retains."""
        self._take(self._obedience.keep_only(subjects))

    def up(self, channel: str) -> None:
        """Note that a channel works."""
        if not self._up.get(channel):
            log.info("guard_path_up", guard=self._guard_id, path=channel)
            self._acks.retry()
        self._up[channel] = True
        self._ever_up = True
        self._note_tried()

    def down(self, channel: str, reason: str) -> None:
        """Note that a channel does not work."""
        if self._up.get(channel) is not False:
            log.warning("guard_path_down", guard=self._guard_id, path=channel, reason=reason)
            if self._up.get(channel) and sum(self._up.values()) == 1:
                self._down_since = self._clock()
        self._up[channel] = False
        self._note_tried()

    def _working(self) -> list[Channel]:
        return [channel for channel in self._channels if self._up.get(channel.name)]

    async def _leave(self) -> None:
        """End every task and close every channel, whatever comes in between."""
        if self._next_end is not None:
            self._next_end.cancel()
        async with AsyncExitStack() as stack:
            for channel in self._channels:
                stack.push_async_callback(channel.close)
            tasks = self._tasks + ([self._refreshing] if self._refreshing else [])
            if not await end(tasks, self._options.close_s):
                log.warning("guard_tasks_left", guard=self._guard_id)

    def _ended(self, channel: str, task: "asyncio.Task[None]") -> None:
        """Tell of a channel that failed in a way that nobody thought of; failing open or closed covers that too."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("guard_channel_failed", guard=self._guard_id, path=channel, exc_info=error)
            self.unsettled()
            self.down(channel, f"{type(error).__name__}: {error}")

    def _note_tried(self) -> None:
        if len(self._up) == len(self._channels):
            self._tried.set()
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _poke(self) -> None:
        """Ask the authority about what was pushed; a message that comes while it is asked is asked about after it."""
        if len(self._channels) < 2 or not self._up.get(self._channels[0].name):
            return
        self._asking = True
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._ask(), name="agentwatch-refresh")

    async def _ask(self) -> None:
        while self._asking:
            self._asking = False
            await self.refresh()

    def _take(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            self.acknowledge(answer.command, answer.state, answer.reason)
        self._look()

    def _look(self) -> None:
        """Tell of a kill that came or went, wake whoever waits, and look again when the next lease ends."""
        standing = self.standing()
        kill_id = standing.kill.id if standing.kill else ""
        if kill_id != self._told_of:
            self._told_of = kill_id
            self._call_back(standing.kill)
        if self._next_end is not None:
            self._next_end.cancel()
            self._next_end = None
        if standing.until != inf:
            left_s = max(standing.until - self._clock(), 0.001)
            self._next_end = asyncio.get_running_loop().call_later(left_s, self._look)
        self._wake()

    def _call_back(self, kill: Command | None) -> None:
        try:
            if kill is None and self.on_release is not None:
                self.on_release()
            elif kill is not None and self.on_kill is not None:
                self.on_kill(kill)
        except Exception:  # noqa: BLE001  # the user's own code must not end the reader of commands
            log.exception("guard_callback_failed", guard=self._guard_id)

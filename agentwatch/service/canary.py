"""A synthetic agent that loops on the real stream now and then, and must be killed through every real signal path."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from secrets import token_hex

import msgspec
import structlog

from agentwatch.client.guard import Guard
from agentwatch.client.paths import Paths
from agentwatch.config import CanaryOptions
from agentwatch.errors import AgentwatchError, StoreUnavailable
from agentwatch.keys import partition
from agentwatch.observe import metrics
from agentwatch.records import CANARY_TENANT
from agentwatch.service.self_report import Finding, SelfReport

__all__ = ["Canary", "canary_app"]

_log = structlog.get_logger()
_GAP_S = 0.2
_KILLING = 7  # calls that kill it, by its rule: one and six that repeat it


class Canary:
    """Sends canaries. put: appends an event to the partition's stream. paths: the URL of each signal path by its name.

    ready: whether this daemon works on its partition; another one's canary is not ours to judge.
    """

    def __init__(
        self,
        options: CanaryOptions,
        app: str,
        put: Callable[[bytes], Awaitable[object]],
        paths: Mapping[str, str],
        report: SelfReport,
        ready: Callable[[], bool],
    ) -> None:
        self._options = options
        self._app = app
        self._put = put
        self._paths = paths
        self._report = report
        self._ready = ready
        self.failing = ""
        self.told = "none was sent yet"

    async def run(self) -> None:
        """Send one every so often until cancelled."""
        while True:
            await asyncio.sleep(self._options.every_s)
            if self._ready():
                await self.send()

    async def send(self) -> str:
        """Send one; says what went wrong, empty where it was killed in time on every path."""
        run = f"canary-{token_hex(4)}"
        started = time.monotonic()
        try:
            wrong = await self._round(run)
        except AgentwatchError as error:
            wrong = str(error)
        if wrong and not self._ready():
            self.told = f"undecided: {wrong}"  # the partition was lost meanwhile, which is told elsewhere
            return wrong
        await self._tell(run, wrong, time.monotonic() - started)
        return wrong

    async def _round(self, run: str) -> str:
        heard = {name: asyncio.Event() for name in self._paths}
        async with AsyncExitStack() as stack:
            for name, url in self._paths.items():
                await stack.enter_async_context(self._guard(run, Paths(**{name: url}), heard[name].set))
            return await self._loop(run, heard)

    def _guard(self, run: str, path: Paths, killed: Callable[[], None]) -> Guard:
        """Make a guard that listens to one path alone."""
        return Guard(
            "canary",
            tenant=CANARY_TENANT,
            app=self._app,
            run=run,
            redis=path.redis,
            mqtt=path.mqtt,
            on_kill=lambda _command: killed(),
        )

    async def _loop(self, run: str, heard: Mapping[str, asyncio.Event]) -> str:
        """Loop as a stuck agent does until every guard has heard, or the time is over."""
        deadline = time.monotonic() + self._options.deadline_s
        killing_at = 0.0
        step = 0
        waiting = asyncio.create_task(_all(heard.values()), name="agentwatch-canary-heard")
        try:
            while time.monotonic() < deadline:
                step += 1
                await self._put(_event(self._app, run, step))
                killing_at = killing_at or (time.monotonic() if step >= _KILLING else 0.0)
                done, _ = await asyncio.wait({waiting}, timeout=_GAP_S)
                if done:
                    metrics().canary_seconds.observe(max(0.0, time.monotonic() - (killing_at or time.monotonic())))
                    return ""
        finally:
            waiting.cancel()
        deaf = ", ".join(name for name, event in heard.items() if not event.is_set())
        return f"not killed within {self._options.deadline_s:g} s over {deaf}"

    async def _tell(self, run: str, wrong: str, took_s: float) -> None:
        metrics().canaries.labels("lives" if wrong else "killed").inc()
        if wrong:
            self.failing = self.told = f"canary {run}: {wrong}"
            _log.error("canary_lives", run=run, reason=wrong)
            await self._say("canary_lives", self.failing)
            return
        metrics().canary_at.set(time.time())
        self.told = f"killed after {took_s:.1f} s"
        _log.info("canary_killed", run=run, seconds=round(took_s, 2))
        if self.failing:
            self.failing = ""
            await self._say("canary_killed", f"canary {run}: {self.told}")

    async def _say(self, value: Finding, reason: str) -> None:
        """Tell it as an input; where the store is away, that is what the log and the status are about."""
        try:
            await self._report.tell(value, reason)
        except StoreUnavailable as error:
            _log.warning("canary_untold", value=value, reason=str(error))


def canary_app(index: int, partitions: int) -> str:
    """Name the app whose canary lies in this partition."""
    number = 0
    while partition(CANARY_TENANT, f"canary-{number}", partitions) != index:
        number += 1
    return f"canary-{number}"


async def _all(events: Iterable[asyncio.Event]) -> None:
    for event in events:
        await event.wait()


def _event(app: str, run: str, step: int) -> bytes:
    return msgspec.json.encode(
        {
            "id": f"{run}/{step}",
            "tenant": CANARY_TENANT,
            "app": app,
            "agent": "canary",
            "run": run,
            "op": "execute_tool",
            "step": step,
            "tool": "sing",
            "arguments": '{"song": "the same"}',
            "result": "the same song as before, and nothing new in it",
            "cost_usd": 0,
        }
    )

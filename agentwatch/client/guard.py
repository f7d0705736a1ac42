"""The guard for asyncio: three lines that make an agent obey.

async with Guard(agent="bot", app="crew", run=run_id, redis="redis://localhost") as guard:
    await guard.check()  # before each call of a model or a tool
    guard.emit(op="chat", model=model, input=prompt, output=answer)
"""

import os
from collections.abc import Callable, Coroutine, Mapping
from secrets import token_hex
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from agentwatch.client.cancelling import Cancelling, run_until_killed
from agentwatch.client.channel import SharedLimit
from agentwatch.client.emitter import Emitter
from agentwatch.client.hold import Hold
from agentwatch.client.identity import Identity, identity_from
from agentwatch.client.options import GuardOptions
from agentwatch.client.paths import Paths, channels_of, paths_from
from agentwatch.client.watch import Watch
from agentwatch.errors import BadConfig
from agentwatch.records import Command

__all__ = ["Guard", "guard_from"]

T = TypeVar("T")


class Guard:
    """Obeys the commands that cover one run of an agent. Use it as an asynchronous context manager.

    `emitter`: an emitter to share; without one, `emit` starts one on the same Redis or HTTP. `on_kill` is called once
    for each kill, `on_release` when none stands any more, both on the event loop. Entering raises `BadConfig` when no
    signal path is given or one is wrong. `command_keys`: public keys of the daemon, or `file:/path` with them;
    commands that none of them signed are refused. This needs the extra `verify`.
    """

    def __init__(
        self,
        agent: str,
        *,
        app: str = "",
        run: str = "",
        root_run: str = "",
        parent_run: str = "",
        task: str = "",
        tenant: str = "",
        redis: str = "",
        mqtt: str = "",
        http: str = "",
        token: str = "",
        command_keys: str = "",
        options: GuardOptions | None = None,
        emitter: Emitter | None = None,
        on_kill: Callable[[Command], None] | None = None,
        on_release: Callable[[], None] | None = None,
    ) -> None:
        self.identity = Identity(
            agent=agent, app=app, run=run, root_run=root_run, parent_run=parent_run, task=task, tenant=tenant
        ).filled()
        self.paths = Paths(redis=redis, mqtt=mqtt, http=http, token=token, command_keys=command_keys)
        self.options = options or GuardOptions()
        self.id = f"{self.identity.agent[:64]}-{token_hex(4)}"
        self._emitter = emitter
        self._own_emitter: Emitter | None = None
        self._watch = Watch(self.identity, self.options, self.id)
        self._watch.on_kill = on_kill
        self._watch.on_release = on_release
        self._hold = Hold(self._watch, self.identity, self.options)
        self._hold.emitter = emitter

    @classmethod
    def from_env(cls, environment: Mapping[str, str] | None = None, **given: Any) -> Self:
        """Make a guard from the `AGENTWATCH_…` variables; what is given beside them goes first."""
        return guard_from(cls, os.environ if environment is None else environment, given)

    async def __aenter__(self) -> Self:
        channels = channels_of(self.paths, self.identity, self._watch, self.options)
        self._hold.shared = next((c for c in channels if isinstance(c, SharedLimit)), None)
        await self._watch.start(channels)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._watch.close()
        finally:
            if self._own_emitter is not None:
                await self._own_emitter.aclose()

    async def check(self) -> None:
        """Call it before each call of a model or a tool.

        Raises `AgentKilled` when a kill covers this run. Waits while it is paused, and when throttled until its turn
        under the limit that all processes of the subject share. When no signal path works it passes, or raises
        `AgentStopped`, as `options.fail` has it.
        """
        await self._hold.check()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, or cancel it at a kill and raise `AgentKilled`.

        Clean-up may take the command's `grace_ms`; after that the kill is acknowledged as refused, and raised.
        """
        return await run_until_killed(self._watch, work)

    def cancelling(self) -> Cancelling:
        """Give a block (`async with`) that is cancelled at a kill and then raises `AgentKilled`."""
        return Cancelling(self._watch)

    def emit(self, **fields: Any) -> None:
        """Emit a usage event of this run; never blocks, never raises for a server that is away."""
        self._emitting().emit(**({"epoch": self.epoch} | self.identity.fields() | fields))

    @property
    def epoch(self) -> int:
        """The highest epoch of a command that this guard has received."""
        return self._watch.epoch

    @property
    def stopped(self) -> bool:
        """Whether a kill stands now."""
        return self._watch.standing().kill is not None

    @property
    def at_ease(self) -> bool:
        """Whether `check` would pass without waiting; may be asked from any thread."""
        return self._watch.standing().clear and self._watch.blocked() is False

    def environment(self, run: str = "", agent: str = "", task: str = "") -> dict[str, str]:
        """Give the variables that make `Guard.from_env()` work in another process.

        Without `run` that process does this run's own work; with it, the process is a child run of this one. The
        token is not among them: hand it over as a file.
        """
        who = self.identity.child(run, agent, task) if run else self.identity
        return who.environment() | self.paths.environment()

    def _emitting(self) -> Emitter:
        found = self._emitter or self._own_emitter
        if found is None:
            if not (self.paths.redis or self.paths.http):
                raise BadConfig("events travel over Redis or HTTP: give one of them, or an emitter", "redis")
            found = Emitter(redis_url=self.paths.redis, http_url=self.paths.http, token=self.paths.token)
            self._own_emitter = self._hold.emitter = found
        return found


def guard_from(kind: Callable[..., T], environment: Mapping[str, str], given: Mapping[str, Any]) -> T:
    """Make a guard of any form from variables; `AGENTWATCH_FAIL` and `AGENTWATCH_FAIL_AFTER_S` are its options."""
    names = msgspec.structs.asdict(identity_from({"AGENTWATCH_AGENT": given.get("agent", "")} | dict(environment)))
    paths = msgspec.structs.asdict(paths_from(environment))
    options = {
        name: environment[variable]
        for name, variable in (("fail", "AGENTWATCH_FAIL"), ("fail_after_s", "AGENTWATCH_FAIL_AFTER_S"))
        if variable in environment
    }
    try:
        built = msgspec.convert(options, GuardOptions, strict=False)
    except msgspec.ValidationError as error:
        raise BadConfig(str(error), "AGENTWATCH_FAIL") from error
    return kind(**(names | paths | {"options": built} | dict(given)))

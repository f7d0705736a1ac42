"""The receivers of alerts of a running daemon: one delivery loop each, changed while the others go on.

What a receiver was told is a cursor in the store, under its name; so one that is changed, or comes back under its name,
goes on where it was.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import structlog
from msgspec.structs import replace

from agentwatch.alert.deliver import Delivery
from agentwatch.cancellation import end
from agentwatch.config import ReceiverOptions, secret
from agentwatch.errors import AgentwatchError, BadConfig
from agentwatch.service.health import Health

__all__ = ["Receivers", "resolved"]

_log = structlog.get_logger()
_END_S = 5.0
_LEAVE_S = 2.0  # for the answer to an alert that is on its way


class Receivers:
    """`prepare` checks and gives the swap; `run` keeps one loop for each receiver that is wanted, until cancelled."""

    def __init__(self, make: Callable[[ReceiverOptions], Delivery], health: Health) -> None:
        self._make = make
        self._health = health
        self._wanted: dict[str, tuple[ReceiverOptions, Delivery]] = {}
        self._changed = asyncio.Event()

    def prepare(self, options: Sequence[ReceiverOptions]) -> Callable[[], None]:
        """Read the secrets and make what is new or changed; the swap that is returned cannot fail.

        A secret in a file that has changed counts as a change. Raises `BadConfig` naming the receiver.
        """
        fresh: dict[str, tuple[ReceiverOptions, Delivery]] = {}
        for whole in map(resolved, options):
            held = self._wanted.get(whole.name)
            fresh[whole.name] = held if held is not None and held[0] == whole else (whole, self._make(whole))

        def swap() -> None:
            for name in self._wanted.keys() - fresh.keys():
                self._health.drop(f"receiver {name}")
            for name in fresh:
                self._health.add(f"receiver {name}", partial(self._failing, name))
            self._wanted = fresh
            self._changed.set()

        return swap

    def wake(self) -> None:
        """Look at the log now: something was committed."""
        for _, delivery in self._wanted.values():
            delivery.wake()

    async def run(self) -> None:
        """Run the loops. Raises what ended one of them, which none does by itself."""
        running: dict[str, tuple[Delivery, asyncio.Task[None]]] = {}
        try:
            while True:
                self._changed.clear()
                await self._settle(running)
                changed = asyncio.create_task(self._changed.wait(), name="agentwatch-receivers-changed")
                try:
                    await asyncio.wait(
                        {changed, *(task for _, task in running.values())}, return_when=asyncio.FIRST_COMPLETED
                    )
                finally:
                    changed.cancel()
                for name, (_, task) in running.items():
                    if task.done():
                        task.result()
                        raise AgentwatchError(f"receiver {name} ended")
        finally:
            await end((task for _, task in running.values()), _END_S)

    async def _settle(self, running: dict[str, tuple[Delivery, asyncio.Task[None]]]) -> None:
        """End what is no longer wanted, and only then start what is: two loops never move one cursor."""
        wanted = {name: delivery for name, (_, delivery) in self._wanted.items()}
        gone = [name for name, (delivery, _) in running.items() if wanted.get(name) is not delivery]
        await asyncio.gather(*(running[name][0].leave(_LEAVE_S) for name in gone))
        if gone and not await end([running[name][1] for name in gone], _END_S):
            _log.warning("receivers_end_late", receivers=gone)
        for name in gone:
            del running[name]
        for name in wanted.keys() - running.keys():
            task = asyncio.create_task(wanted[name].run(), name=f"agentwatch-notify-{name}")
            running[name] = wanted[name], task

    def _failing(self, name: str, _now: float) -> str:
        held = self._wanted.get(name)
        return held[1].failing if held is not None else ""


def resolved(options: ReceiverOptions) -> ReceiverOptions:
    """Put secrets in the place of their names. Raises `BadConfig` for one that cannot be read, or a URL of no use."""
    key = f"receivers.{options.name}"
    url = secret(options.url, f"{key}.url")
    if options.kind == "webhook" and not url.startswith(("https://", "http://")):
        raise BadConfig("a webhook's begins with https:// or http://", f"{key}.url")
    return replace(options, url=url, secret=secret(options.secret, f"{key}.secret"))

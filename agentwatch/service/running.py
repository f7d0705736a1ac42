"""Runs a daemon as a process: signals in, an exit code out."""

import asyncio
import faulthandler
import os
import signal
import sys
from contextlib import suppress

import structlog

from agentwatch.observe import configure_logging
from agentwatch.service.collecting import Collecting
from agentwatch.service.lifecycle import Lifecycle
from agentwatch.service.settings import Settings
from agentwatch.service.systemd import Notify

__all__ = ["run"]

_log = structlog.get_logger()


def run(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; SIGHUP reloads. Gives 0 after an orderly end, 1 when a part failed."""
    configure_logging(settings.config.log)
    faulthandler.enable(sys.__stderr__ or 2)  # SIGABRT from the watchdog leaves a traceback of where the loop hung
    return asyncio.run(_run(settings))


async def _run(settings: Settings) -> int:
    daemon = Lifecycle(settings, Notify(os.environ))
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    # until there is something to reload into, a SIGHUP must not end the process
    loop.add_signal_handler(signal.SIGHUP, lambda: _log.warning("reload_too_early"))
    starting = asyncio.create_task(daemon.start(), name="agentwatch-start")
    asked = asyncio.create_task(stopping.wait(), name="agentwatch-stop-signal")
    failed = False
    try:
        await asyncio.wait([starting, asked], return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            with suppress(asyncio.CancelledError):
                await starting
            return 0
        starting.result()
        loop.add_signal_handler(signal.SIGHUP, daemon.reloader.reload)
        ending = asyncio.create_task(_until_ended(daemon), name="agentwatch-part-ended")
        await asyncio.wait([ending, asked], return_when=asyncio.FIRST_COMPLETED)
        failed = ending.done() and ending.exception() is not None
        ending.cancel()
    finally:
        asked.cancel()
        await daemon.stop()
    return 1 if failed else 0


async def _until_ended(daemon: Lifecycle) -> None:
    await daemon.warm()
    collecting = Collecting()
    collecting.begin()  # what start-up made lives as long as the process
    try:
        await daemon.wait()
    finally:
        collecting.end()

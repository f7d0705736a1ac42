"""Brings decisions to agents over one signal path: as commands that stand, or as their taking back."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from agentwatch.act.command import command_of, takes_back
from agentwatch.act.outbox import OutboxOptions, Progress, drain
from agentwatch.backoff import BackoffOptions
from agentwatch.ports import DecisionLog, SignalBus
from agentwatch.records import Command, Decision

__all__ = ["URGENT", "Reconciling", "deliver_decision", "drain_commands"]

# A kill must not wait out a long back-off once its path is there again; the buses themselves wait for that.
URGENT = OutboxOptions(backoff=BackoffOptions(min_s=0.05, max_s=0.5))


@runtime_checkable
class Reconciling(Protocol):
    """A bus that itself retains commands and must be told all that stands, so that it can take the rest back."""

    async def reconcile(self, standing: Sequence[Command]) -> None:
        """Make what is retained equal to what stands."""


async def deliver_decision(bus: SignalBus, decision: Decision, now: float, told: int = 0) -> None:
    """Send what a decision means for agents; nothing where it changes nothing or its lease has ended.

    told: the number up to which the bus was brought what stands: a command up to there stands and was sent, or stands
    no more. A kill that was taken back while its path was away is never sent after all.
    """
    command = command_of(decision)
    if command is not None:
        if command.expires_at > now and decision.seq > told:
            await bus.send(command)
    elif takes_back(decision):
        await bus.clear(decision.subject, decision.seq)


async def drain_commands(
    log: DecisionLog,
    bus: SignalBus,
    *,
    wake: asyncio.Event,
    wall: Callable[[], float] = time.time,
    options: OutboxOptions = URGENT,
    progress: Progress | None = None,
) -> None:
    """Deliver the decision log to a bus until cancelled; what stands is brought anew after each failure."""
    told = 0

    async def begin() -> None:
        nonlocal told
        told = await _end(log, bus.name, options.batch)  # before what stands is read, which then is no older
        standing = [command for command in await log.standing() if command.expires_at > wall()]
        if isinstance(bus, Reconciling):
            await bus.reconcile(standing)
            return
        for command in standing:
            await bus.send(command)

    async def deliver(decision: Decision) -> None:
        await deliver_decision(bus, decision, wall(), told)

    await drain(log, bus.name, log.decisions, deliver, wake=wake, begin=begin, options=options, progress=progress)


async def _end(log: DecisionLog, sink: str, page: int) -> int:
    """Tell the number of the newest decision, found from where the sink has come to."""
    position = await log.cursor(sink) or "0-0"
    while entries := await log.decisions(position, page):
        position = entries[-1][0]
    return int(position.partition("-")[0])

"""Puts acknowledgements that came over MQTT on the acks stream, where they are one ordered input among others."""

import asyncio

import structlog

from agentwatch.backoff import Backoff, BackoffOptions
from agentwatch.errors import StoreUnavailable
from agentwatch.ports import AckIntake, AckSource

__all__ = ["pass_acks_on"]

_log = structlog.get_logger()


async def pass_acks_on(acks: AckSource, intake: AckIntake) -> None:
    """Append each acknowledgement, again and again while the store is away, until cancelled."""
    backoff = Backoff(BackoffOptions(min_s=0.05, max_s=1.0))
    async for ack in acks.acks():
        while True:
            try:
                await intake.acknowledge([ack])
            except StoreUnavailable as error:
                _log.warning("ack_retried", subject=ack.subject, reason=str(error))
                await asyncio.sleep(backoff.next())
            else:
                backoff.reset()
                break

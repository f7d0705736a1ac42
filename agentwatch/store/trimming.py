"""Let go what no restart can need any more: never an entry that is not yet processed and in a published checkpoint.

The logs keep their last entries, and everything that a live sink has not confirmed, up to a hard limit.
"""

import asyncio
from typing import Any

import structlog
from msgspec import Struct

from agentwatch.keys import Keys
from agentwatch.records import Positions

__all__ = ["TrimOptions", "trim"]

_AT_ONCE = 1000  # entries of one call: about half a millisecond
_REST_S = 0.05
_log = structlog.get_logger()


class TrimOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lengths of the decision and incident logs.

    keep: decisions that are kept although every sink has confirmed them. hard: beyond it the oldest go although a sink
    has not. cursor_s: a sink that has not moved for so long, in seconds, is not waited for.
    """

    keep: int = 100_000
    hard: int = 1_000_000
    cursor_s: float = 7 * 86400.0


async def trim(client: Any, names: Keys, done: Positions, number: int, options: TrimOptions) -> None:
    """Trim every stream of a partition, given the positions and the commit number of the published checkpoint."""
    for stream, position in ((names.events, done.events), (names.controls, done.controls), (names.acks, done.acks)):
        await _before(client, stream, position)
    await _before(client, names.inputs, f"{number}-0")
    floor = min(done.seq - options.keep, await _slowest(client, names, options.cursor_s))
    for log in (names.decisions, names.incidents):
        if floor > 0:
            await _before(client, log, f"{floor}-0")
        lost = await client.execute_command("XTRIM", log, "MAXLEN", "~", options.hard)
        if lost:
            _log.warning("log_trimmed_unread", log=log, entries=lost, hard=options.hard)


async def _before(client: Any, stream: str, position: str) -> None:
    """Drop whole nodes of entries before a position: what stays is under one node.

    Each call is short, and as long as it took others have the server for themselves: there is no hurry.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    while await client.execute_command("XTRIM", stream, "MINID", "~", position, "LIMIT", _AT_ONCE):
        await asyncio.sleep(min(_REST_S, clock() - began))
        began = clock()


async def _slowest(client: Any, names: Keys, cursor_s: float) -> float:
    """Tell the decision number that the slowest live sink has confirmed; infinity without sinks."""
    now = int((await client.execute_command("TIME"))[0])
    await client.execute_command("ZREMRANGEBYSCORE", names.cursors, "-inf", f"({now - cursor_s}")
    sinks = await client.execute_command("ZRANGE", names.cursors, 0, -1)
    if not sinks:
        return float("inf")
    positions = await client.execute_command("MGET", *(names.cursor(sink.decode()) for sink in sinks))
    return min((int(position.split(b"-")[0]) for position in positions if position), default=float("inf"))

"""Brings the ledgers up to date: adds up by line what commits left as rows, and adds that to the day's hash.

An agent's line changes with nearly every batch, so adding up first saves the server most of its work. A row is written
in the commit itself and struck off in the script that adds it, so whoever takes over finds just what is not in the
ledgers yet. What cannot be added, as a day's key is of another type, stays owed: it is put back at the end, as one row
for all of it, so it does not grow with time and keeps no other day waiting.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog

from agentwatch.connection import reading
from agentwatch.errors import Fenced
from agentwatch.keys import Keys
from agentwatch.store.ledger_lines import LARGEST, Sums, overflow_name, row_of_sums, rows_added_up
from agentwatch.store.scripts import Script

__all__ = ["Owed"]

_log = structlog.get_logger()
_ROWS = 50  # settled at once
_ADDED = 5  # rows that are added up without a pause: about a millisecond
_LINES = 250  # of one script, which keeps everybody waiting


class Owed:
    """One partition's rows. most_fields, expiry_s: of a day's hash."""

    def __init__(self, client: Any, names: Keys, most_fields: int, expiry_s: int) -> None:
        self._client = client
        self._keys = names
        self._most_fields = most_fields
        self._expiry_s = expiry_s
        self._script = Script("settle")

    async def settle(self, token: int) -> str:
        """Bring the ledgers up to date, and say what keeps the rest from it, which stays owed; "" where nothing does.

        Raises `Fenced` where the token is not the last one drawn.
        """
        troubles: dict[str, None] = {}
        with reading("ledger"):
            left = await self._client.execute_command("LLEN", self._keys.owed)
            while left > 0:
                async with self._client.pipeline(transaction=True) as pipe:
                    pipe.execute_command("LRANGE", self._keys.owed, 0, min(left, _ROWS) - 1)
                    pipe.execute_command("HGET", self._keys.committed, "ledger_settled")
                    rows, settled = await pipe.execute()
                if not rows:
                    break
                if await self._add(token, int(settled or 0), rows, troubles):
                    left -= len(rows)
        return "; ".join(troubles)

    async def _add(self, token: int, settled: int, rows: Sequence[bytes], troubles: dict[str, None]) -> bool:
        """Add rows to the ledgers of their days and strike them off; False where that was done already.

        What does not go into the first script lies before all other rows until it has its turn.
        """
        days, unread = await self._summed(rows, troubles)
        struck = len(rows)
        kept: dict[str, Sums] = {}
        while True:
            now, later = _cut(days)
            word, detail = await self._run(token, settled, struck, now, later, [*unread, *_rows(kept)])
            if word == b"type":
                troubles[f"{detail.decode(errors='replace')}; what is owed to it is kept"] = None
                day = next(day for day in now if detail.startswith(f"{self._keys.ledger(day)} ".encode()))
                kept[day] = days.pop(day)
            elif word != b"ok" or not later:
                return word == b"ok"
            else:
                days, unread, kept = later, [], {}
                settled, struck = settled + struck, 1

    @staticmethod
    async def _summed(rows: Sequence[bytes], troubles: dict[str, None]) -> tuple[dict[str, Sums], list[bytes]]:
        days: dict[str, Sums] = {}
        unread: list[bytes] = []
        for at in range(0, len(rows), _ADDED):
            _, bad, why = rows_added_up(rows[at : at + _ADDED], days)
            unread += bad
            troubles.update(why)
            await asyncio.sleep(0)  # whoever waits for a decision goes first
        return days, unread

    async def _run(
        self,
        token: int,
        settled: int,
        rows: int,
        days: dict[str, Sums],
        later: dict[str, Sums],
        back: Sequence[bytes],
    ) -> tuple[bytes, bytes]:
        names = [self._keys.token, self._keys.committed, self._keys.owed, *map(self._keys.ledger, days)]
        count = sum(map(len, days.values()))
        front = _rows(later)
        args: list[str | int | bytes] = [token, settled, rows, self._most_fields, self._expiry_s, count, len(front)]
        for place, sums in enumerate(days.values(), 1):
            for name, amounts in sums.items():
                args += (place, name, overflow_name(name), *(min(amount, LARGEST) for amount in amounts))
        word, detail = await self._script.run(self._client, names, [*args, *front, *back])
        if word == b"fenced":
            raise Fenced(f"token {detail.decode(errors='replace') or 'none'} was drawn after {token}")
        if word == b"ok" and detail != b"0":
            _log.error("ledger_sums_out_of_range", sums=int(detail), days=list(days))
        return word, detail


def _cut(days: dict[str, Sums]) -> tuple[dict[str, Sums], dict[str, Sums]]:
    """Give what goes into one script, and the rest."""
    if sum(map(len, days.values())) <= _LINES:
        return days, {}
    now: dict[str, Sums] = {}
    later: dict[str, Sums] = {}
    room = _LINES
    for day, sums in days.items():
        lines = list(sums.items())
        if room:
            now[day] = dict(lines[:room])
        if lines[room:]:
            later[day] = dict(lines[room:])
        room = max(0, room - len(lines))
    return now, later


def _rows(days: dict[str, Sums]) -> list[bytes]:
    return [row_of_sums(days)] if days else []

"""One partition's store in Redis or Valkey: a lease with a fencing token, atomic commits, published checkpoints."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import structlog
from msgspec import Struct
from msgspec.structs import replace

from agentwatch.audited import UNSIGNED, Vouching
from agentwatch.connection import reading
from agentwatch.errors import Fenced, Incompatible, StoreUnavailable
from agentwatch.keys import keys
from agentwatch.ports import Opened
from agentwatch.records import Checkpoint, Commit, Positions
from agentwatch.store.audit import AuditChain
from agentwatch.store.checkpoints import Checkpoints
from agentwatch.store.holder import gone, this_process
from agentwatch.store.owed import Owed
from agentwatch.store.packing import Limits, pack
from agentwatch.store.scripts import Script
from agentwatch.store.trimming import TrimOptions, trim

__all__ = ["RedisStore", "StoreOptions"]

_log = structlog.get_logger()
_NUMBERS = 4096


class StoreOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of what the store keeps, and the lease.

    lease_s: how long a worker that died keeps its partition. poll_s: how often a waiting worker looks. dead_letters and
    inputs: most entries of those streams. ledger_fields: most fields of a day's ledger; lines beyond are added up as
    "(other)". ledger_days: how long a day's ledger is kept. chunk_s: how long an unpublished chunk lives.
    audit: records of the audit log that are kept.
    """

    lease_s: float = 10.0
    poll_s: float = 0.25
    dead_letters: int = 10_000
    inputs: int = 1_000_000
    ledger_fields: int = 600_000
    ledger_days: int = 400
    chunk_s: int = 900
    audit: int = 100_000
    trim: TrimOptions = TrimOptions()


class RedisStore:
    """The store of one partition, for one worker at a time. `signer` signs commands and the audit log's heads."""

    def __init__(
        self,
        client: Any,
        partition: int,
        options: StoreOptions = StoreOptions(),  # noqa: B008  # frozen
        signer: Vouching = UNSIGNED,
    ) -> None:
        self._signer = signer
        self._client = client
        self._keys = keys(partition)
        self._options = options
        self._who = this_process()
        self._token = 0
        self._number = 0
        self._numbers: dict[Positions, int] = {}
        self._checkpoints = Checkpoints(client, self._keys, options.chunk_s)
        self._audit = AuditChain(client, self._keys, options.audit, signer)
        self._scripts = {name: Script(name) for name in ("acquire", "commit", "release", "renew")}
        self._owed = Owed(client, self._keys, options.ledger_fields, options.ledger_days * 86400)
        self._limits = Limits(
            dead=options.dead_letters,
            inputs=options.inputs,
        )

    async def open(self) -> Opened:
        """Take the partition: wait until the lease is free, then draw a higher token.

        A lease whose holder was a process of this machine that no longer exists is taken over at once.
        """
        waited = False
        while True:
            token, holder = await self._acquire(f"{self._token} {self._who}")  # its own lease needs no waiting for
            if token < 0 and gone(holder.partition(" ")[2], self._who):
                token, holder = await self._acquire(holder)
            if token > 0:
                break
            if not waited:
                _log.info("lease_awaited", partition=self._keys.index, holder=holder, left_ms=-token)
                waited = True
            pause = min(self._options.poll_s, -token / 1000 + 0.01)
            await asyncio.sleep(pause * (0.5 + random.random() / 2))  # noqa: S311  # jitter, not secrecy
        return await self._opened(token)

    async def commit(self, commit: Commit) -> None:
        """Write the whole batch or nothing; a commit that was already written, word for word, is not written twice.

        Raises `Fenced` when another worker owns the partition or the store went back in time, `Incompatible` when a
        key holds another type.
        """
        number = self._number + 1
        lease = (self._token, self._who, self._lease_ms)
        if commit.commands:
            commit = replace(commit, commands=tuple(map(self._signer.command, commit.commands)))
        audit = self._audit.link(commit)
        names, args = pack(commit, self._keys, self._limits, lease, number, audit)
        with reading("commit"):
            word, detail = await self._scripts["commit"].run(self._client, names, args)
        _accept(word, detail, self._token, number)
        self._audit.moved(audit)
        self._number = number
        self._numbers.pop(commit.positions, None)
        self._numbers[commit.positions] = number
        while len(self._numbers) > _NUMBERS:
            del self._numbers[next(iter(self._numbers))]

    async def checkpoint(self, checkpoint: Checkpoint, chunks: AsyncIterator[bytes] | None = None) -> None:
        """Publish a new generation, then trim what lies before it; only chunks that changed are written.

        The state must be that of a commit boundary: of the last one, or of an earlier one of this worker.
        """
        number = self._numbers.get(checkpoint.positions)
        if number is None:
            raise Incompatible(f"a checkpoint at {checkpoint.positions} is at no commit boundary")
        with reading("checkpoint"):
            await self._checkpoints.publish(checkpoint, self._token, number, chunks)
            await trim(self._client, self._keys, checkpoint.positions, number, self._options.trim)
            await self._audit.trim(self._token)

    async def renew(self) -> str:
        """Extend the lease from now on, bring the ledgers up to date, and say what keeps any of them from it.

        Raises `Fenced` when another worker has taken the partition.
        """
        with reading("renew"):
            args = (self._token, self._who, self._lease_ms)
            kept = await self._scripts["renew"].run(self._client, (self._keys.token, self._keys.owner), args)
        if not kept:
            raise Fenced(f"partition {self._keys.index} was taken over from token {self._token}")
        return await self._owed.settle(self._token)

    async def close(self) -> None:
        """Bring the ledgers up to date, and give the lease back."""
        if self._token:
            with suppress(Fenced):
                await self._owed.settle(self._token)
            with reading("release"):
                await self._scripts["release"].run(self._client, (self._keys.owner,), (f"{self._token} {self._who}",))

    @property
    def _lease_ms(self) -> int:
        return int(self._options.lease_s * 1000)

    async def _acquire(self, over: str) -> tuple[int, str]:
        with reading("open"):
            args = (self._who, self._lease_ms, over)
            token, holder = await self._scripts["acquire"].run(self._client, (self._keys.token, self._keys.owner), args)
        return int(token), holder.decode()

    async def _opened(self, token: int) -> Opened:
        self._token = token
        with reading("open"):
            flat = await self._client.execute_command("HGETALL", self._keys.committed)
            stored = dict(zip(map(bytes.decode, flat[::2]), map(bytes.decode, flat[1::2]), strict=True))
            checkpoint = await self._checkpoints.read()
        committed = Positions()
        if stored:
            committed = Positions(
                events=stored["events"],
                controls=stored["controls"],
                acks=stored["acks"],
                index=int(stored["index"]),
                seq=int(stored["seq"]),
            )
        self._number = int(stored.get("number", 0))
        self._audit.restore(stored)
        with reading("open"):
            await self._audit.look()
        self._numbers = {committed: self._number}
        _log.info("partition_opened", partition=self._keys.index, token=token, commits=self._number)
        return Opened(token=token, committed=committed, checkpoint=checkpoint)


def _accept(word: bytes, detail: bytes, token: int, number: int) -> None:
    said = detail.decode(errors="replace")
    match word:
        case b"ok" | b"again":
            return
        case b"fenced":
            raise Fenced(f"token {said or 'none'} was drawn after {token}")
        case b"lost":
            raise Fenced(
                f"the store holds commit {said}, not {number - 1}: it went back, and the state must be restored"
            )
        case b"type" | b"ahead":
            raise Incompatible(said)
    raise StoreUnavailable(f"an answer of another version: {word!r}")

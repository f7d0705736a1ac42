"""A checkpoint as keys: chunks that never change once written, and one pointer that publishes them all at once.

A chunk that is equal to one of the generation before is not written again. Chunks carry an expiry until the pointer
is flipped, so a worker that dies half-way leaves nothing behind.
"""

from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec
import xxhash
from msgspec import Struct

from agentwatch.errors import Fenced, Incompatible, StoreUnavailable
from agentwatch.keys import Keys
from agentwatch.records import Checkpoint, Positions
from agentwatch.store.scripts import Script

__all__ = ["Checkpoints", "ChunkRef", "Pointer"]

_STORED = 1  # version of the pointer itself; the state's own is `format`


class ChunkRef(Struct, frozen=True, kw_only=True):
    """Where one chunk lies, and what it must be."""

    key: str
    digest: str
    size: int


class Pointer(Struct, frozen=True, kw_only=True):
    """What the `checkpoint` key holds."""

    stored: int = _STORED
    number: int
    positions: Positions
    format: int
    policy_digest: str
    at: float
    chunks: tuple[ChunkRef, ...]


class Checkpoints:
    """Writes and reads the generations of one partition."""

    def __init__(self, client: Any, names: Keys, chunk_s: int) -> None:
        self._client = client
        self._keys = names
        self._chunk_s = chunk_s
        self._flip = Script("flip")
        self._written = 0

    async def publish(
        self, checkpoint: Checkpoint, token: int, number: int, pieces: AsyncIterator[bytes] | None = None
    ) -> None:
        """Write the changed chunks, flip the pointer, let the chunks go that it no longer names.

        pieces: where the chunks come one by one. What is published now is asked for, as an answer may have been lost.
        """
        before = await self._published()
        known = {(ref.digest, ref.size): ref for ref in before.chunks} if before else {}
        self._written += 1  # two at one commit differ, as time goes on without one: what is published is not touched
        generation = f"{token}-{number}-{self._written}"
        chunks: list[ChunkRef] = []
        async for chunk in pieces if pieces is not None else _each(checkpoint.chunks):
            index = len(chunks)
            digest = xxhash.xxh3_128_hexdigest(chunk)
            ref = known.get((digest, len(chunk)))
            if ref is None:
                ref = ChunkRef(key=self._keys.state(generation, index), digest=digest, size=len(chunk))
                await self._client.execute_command("SET", ref.key, chunk, "EX", self._chunk_s)
            chunks.append(ref)
        pointer = Pointer(
            number=number,
            positions=checkpoint.positions,
            format=checkpoint.format,
            policy_digest=checkpoint.policy_digest,
            at=checkpoint.at,
            chunks=tuple(chunks),
        )
        await self._publish(pointer, token, before)

    async def _publish(self, pointer: Pointer, token: int, before: Pointer | None) -> None:
        wanted = list(dict.fromkeys(ref.key for ref in pointer.chunks))
        old = [ref.key for ref in before.chunks if ref.key not in wanted] if before else []
        names = [self._keys.token, self._keys.committed, self._keys.checkpoint, *wanted, *old]
        args = (token, pointer.number, msgspec.json.encode(pointer), len(wanted))
        word, detail = await self._flip.run(self._client, names, args)
        said = detail.decode(errors="replace")
        if word == b"fenced":
            raise Fenced(f"token {said or 'none'} was drawn after {token}")
        if word == b"behind":
            raise Fenced(f"the store holds commit {said}, not {pointer.number}: it went back")
        if word != b"ok":
            raise StoreUnavailable(f"chunk {said} was lost before the checkpoint was published")

    async def read(self) -> Checkpoint | None:
        """Read what the pointer names; raises `Incompatible` where a chunk is missing or not what was written."""
        pointer = await self._published()
        if pointer is None:
            return None
        chunks: list[bytes] = []
        for ref in pointer.chunks:
            chunk = await self._client.execute_command("GET", ref.key)
            if chunk is None or xxhash.xxh3_128_hexdigest(chunk) != ref.digest:
                found = "is missing" if chunk is None else "is not what was written"
                raise Incompatible(f"{ref.key} {found}; without it the state cannot be restored")
            chunks.append(chunk)
        return Checkpoint(
            positions=pointer.positions,
            format=pointer.format,
            policy_digest=pointer.policy_digest,
            at=pointer.at,
            chunks=tuple(chunks),
        )

    async def _published(self) -> Pointer | None:
        raw = await self._client.execute_command("GET", self._keys.checkpoint)
        return None if raw is None else self._pointer(raw)

    def _pointer(self, raw: bytes) -> Pointer:
        try:
            pointer = msgspec.json.decode(raw, type=Pointer)
        except msgspec.MsgspecError as error:
            raise Incompatible(f"{self._keys.checkpoint} cannot be read: {error}") from error
        if pointer.stored != _STORED:
            raise Incompatible(f"{self._keys.checkpoint} has version {pointer.stored}, this reads {_STORED}")
        return pointer


async def _each(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk

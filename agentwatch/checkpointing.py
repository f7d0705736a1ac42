"""A pipeline's whole state as a checkpoint, and back: every part's own snapshot, cut into pieces of at most 1 MiB."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import msgspec

from agentwatch.errors import Incompatible
from agentwatch.pipeline import Pipeline
from agentwatch.records import Checkpoint

__all__ = ["FORMAT", "dump", "load"]

FORMAT = 1
_PIECE = 1 << 20
_Chunk = tuple[str, bytes]


def dump(pipeline: Pipeline, at: float) -> Checkpoint:
    """Take everything that the pipeline remembers; call it between two batches."""
    return Checkpoint(
        positions=pipeline.positions,
        format=FORMAT,
        policy_digest=pipeline.rulebook.policy.digest,
        at=at,
        chunks=tuple(msgspec.msgpack.encode(chunk) for chunk in _chunks(pipeline)),
    )


def load(pipeline: Pipeline, checkpoint: Checkpoint) -> None:
    """Put a fresh pipeline where the checkpoint's was. Raises `Incompatible` for a format of another version."""
    if checkpoint.format != FORMAT:
        raise Incompatible(f"the checkpoint has format {checkpoint.format}, this version reads {FORMAT}")
    bank: list[bytes] = []
    blobs: dict[str, list[bytes]] = {}
    for raw in checkpoint.chunks:
        try:
            name, piece = msgspec.msgpack.decode(raw, type=_Chunk)
        except msgspec.MsgspecError as error:
            raise Incompatible(f"a chunk of the checkpoint cannot be read: {error}") from error
        (bank if name == _BANK else blobs.setdefault(name, [])).append(piece)
    pipeline.parts.bank.restore(bank)
    for name, part in _parts(pipeline):
        if name in blobs:
            try:
                part.restore(b"".join(blobs[name]))
            except msgspec.MsgspecError as error:
                raise Incompatible(f"the state of {name} cannot be read: {error}") from error
    pipeline.positions = checkpoint.positions


_BANK = "bank"
_NAMES = ("ladder", "gate", "standing", "tombstones", "verifier", "incidents", "ourselves")


class _Kept(Protocol):
    """A part that has a state of its own."""

    def snapshot(self) -> bytes:
        """Encode it."""

    def restore(self, data: bytes) -> None:
        """Take it over."""


def _parts(pipeline: Pipeline) -> Iterator[tuple[str, _Kept]]:
    for name in _NAMES:
        yield name, getattr(pipeline.ledgers, name)
    yield "pipeline", pipeline
    yield "flood", pipeline.parts.flood


def _chunks(pipeline: Pipeline) -> Iterator[_Chunk]:
    for piece in pipeline.parts.bank.snapshot():
        yield _BANK, piece
    for name, part in _parts(pipeline):
        for piece in _cut(part.snapshot()):
            yield name, piece


def _cut(blob: bytes) -> Iterable[bytes]:
    return (blob[start : start + _PIECE] for start in range(0, max(1, len(blob)), _PIECE))

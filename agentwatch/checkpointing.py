"""A pipeline's whole state as a checkpoint, and back: every part's own snapshot, cut into pieces of at most 1 MiB."""

from collections.abc import Iterable, Iterator

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
        name, piece = msgspec.msgpack.decode(raw, type=_Chunk)
        (bank if name == "bank" else blobs.setdefault(name, [])).append(piece)
    pipeline.parts.bank.restore(bank)
    ledgers = pipeline.ledgers
    for name in _NAMES:
        if name in blobs:
            getattr(ledgers, name).restore(b"".join(blobs[name]))
    pipeline.positions = checkpoint.positions


_NAMES = ("ladder", "gate", "standing", "tombstones", "verifier", "incidents")


def _chunks(pipeline: Pipeline) -> Iterator[_Chunk]:
    for piece in pipeline.parts.bank.snapshot():
        yield "bank", piece
    for name in _NAMES:
        for piece in _cut(getattr(pipeline.ledgers, name).snapshot()):
            yield name, piece


def _cut(blob: bytes) -> Iterable[bytes]:
    return (blob[start : start + _PIECE] for start in range(0, max(1, len(blob)), _PIECE))

"""A pipeline's whole state as a checkpoint, and back: every part's own snapshot, cut into pieces of at most 1 MiB.

What is only added (a field with a default, a part of its own) leaves the format as it is where every version that reads
this format may leave it out. Anything else is a new FORMAT with a step in `_STEPS` from the one before, and a file of
the old format stays in `tests/golden` for good. Formats:

1. As in 0.1.0.
2. Standing decisions may be `lapsed` or `unanswered` and be held by `permit`; agentwatch's own incidents and the counts
   of floods are parts. What a checkpoint of format 1 does not have begins empty. What is still to be forgotten was
   added later; where it is missing it is found out of what stands. So were the wishes of late, which begin empty.
3. Runs are packed closer; detectors' chunks say so themselves (`detect.snapshot`) and are migrated as they are read.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec
from msgspec.structs import replace

from agentwatch.errors import Incompatible, TooNew
from agentwatch.pipeline import Pipeline
from agentwatch.records import Checkpoint

__all__ = ["FORMAT", "bare", "chunks", "dump", "load"]

FORMAT = 3
_PIECE = 1 << 20
_Chunk = tuple[str, bytes]
_Read = tuple[str, memoryview]  # no copies: a state is read from where its chunks lie


def dump(pipeline: Pipeline, at: float) -> Checkpoint:
    """Take everything that the pipeline remembers; call it between two batches."""
    return replace(bare(pipeline, at), chunks=tuple(chunks(pipeline)))


def bare(pipeline: Pipeline, at: float) -> Checkpoint:
    """Say what `chunks` belong to, without them."""
    return Checkpoint(
        positions=pipeline.positions,
        format=FORMAT,
        policy_digest=pipeline.rulebook.policy.digest,
        at=at,
        chunks=(),
    )


def chunks(pipeline: Pipeline) -> Iterator[bytes]:
    """Encode everything, piece by piece; nothing may change it until the last one was given."""
    return map(msgspec.msgpack.encode, _chunks(pipeline))


def load(pipeline: Pipeline, checkpoint: Checkpoint) -> None:
    """Put a fresh pipeline where the checkpoint's was.

    An older format is migrated; the next checkpoint has this version's. Raises `TooNew` for a format of a newer
    version, `Incompatible` for what cannot be read.
    """
    checkpoint = _migrated(checkpoint)
    pieces = _pieces(checkpoint.chunks)
    # The bank is the largest by far: what reading the others takes for a moment is free again before it grows.
    for name, part in _parts(pipeline):
        if name in pieces and name != _FORGETTING:
            _restore(name, part, pieces)
    pipeline.parts.bank.restore(pieces.get(_BANK, ()))
    if _FORGETTING in pieces:
        _restore(_FORGETTING, pipeline.forgetting, pieces)
    else:
        pipeline.forgetting.look_over()
    pipeline.positions = checkpoint.positions


def _restore(name: str, part: "_Kept", pieces: Mapping[str, Sequence[memoryview]]) -> None:
    try:
        part.restore(b"".join(pieces[name]))
    except msgspec.MsgspecError as error:
        raise Incompatible(f"the state of {name} cannot be read: {error}") from error


def _pieces(chunks: Iterable[bytes]) -> dict[str, list[memoryview]]:
    """Tell which piece of which part each chunk holds, by name."""
    decode = msgspec.msgpack.Decoder(_Read).decode
    found: dict[str, list[memoryview]] = {}
    for raw in chunks:
        try:
            name, piece = decode(raw)
        except msgspec.MsgspecError as error:
            raise Incompatible(f"a chunk of the checkpoint cannot be read: {error}") from error
        found.setdefault(name, []).append(piece)
    return found


def _migrated(checkpoint: Checkpoint) -> Checkpoint:
    """Take a checkpoint of an older format to this one, step by step."""
    if checkpoint.format > FORMAT:
        raise TooNew(
            f"the checkpoint has format {checkpoint.format}, written by a newer version; this one reads up to {FORMAT}"
        )
    while checkpoint.format < FORMAT:
        step = _STEPS.get(checkpoint.format)
        if step is None:
            raise Incompatible(f"the checkpoint has format {checkpoint.format}, which this version does not migrate")
        checkpoint = step(checkpoint)
    return checkpoint


def _from_1(checkpoint: Checkpoint) -> Checkpoint:
    """Take over everything: format 2 only adds to it."""
    return replace(checkpoint, format=2)


def _from_2(checkpoint: Checkpoint) -> Checkpoint:
    """Take over everything: what differs is in the detectors' chunks, which are read by the format that they name."""
    return replace(checkpoint, format=3)


_STEPS: dict[int, Callable[[Checkpoint], Checkpoint]] = {1: _from_1, 2: _from_2}
_BANK = "bank"
_FORGETTING = "forgetting"
_NAMES = ("ladder", "gate", "standing", "tombstones", "verifier", "incidents", "ourselves", "silences")


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
    yield "wished", pipeline.wished
    yield "flood", pipeline.parts.flood
    yield _FORGETTING, pipeline.forgetting


def _chunks(pipeline: Pipeline) -> Iterator[_Chunk]:
    for piece in pipeline.parts.bank.snapshot():
        yield _BANK, piece
    for name, part in _parts(pipeline):
        for piece in _cut(part.snapshot()):
            yield name, piece


def _cut(blob: bytes) -> Iterable[bytes]:
    return (blob[start : start + _PIECE] for start in range(0, max(1, len(blob)), _PIECE))

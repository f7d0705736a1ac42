"""How alike texts are, by their sketches, in the form that runs: compiled where there is one, else pure (`sketch`)."""

from collections.abc import Iterable

from agentwatch.fingerprint import sketch as pure
from agentwatch.fingerprint.compiled import compiled_form, native

__all__ = ["nearest", "similarity"]

_ESTIMATES = pure.ESTIMATES


def similarity(a: bytes, b: bytes) -> float:
    """Estimate the Jaccard similarity of two texts' shingles, in 0..1, from their sketches; 0 without a sketch."""
    return _ESTIMATES[native.agreeing(a, (b,))] if compiled_form() else pure.similarity(a, b)


def nearest(sketch: bytes, others: Iterable[bytes] | bytes) -> float:
    """Give the highest `similarity` of a sketch to any of the others (or one byte string of them); 0 without others."""
    return _ESTIMATES[native.agreeing(sketch, others)] if compiled_form() else pure.nearest(sketch, others)

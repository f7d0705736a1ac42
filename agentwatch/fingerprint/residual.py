"""The template residual: what is left of a prompt without the shingles that nearly all of a subject's prompts hold.

Likeness of whole prompts cannot tell a loop from a template with a new payload; likeness of residuals can. What a
subject's prompts share is learnt in a count-min sketch (Cormode and Muthukrishnan, 2005) of one byte a counter, halved
when it is full, so that a template that changes is forgotten. Three rules keep it from learning the loop that it is
meant to find: a prompt counts only with a witness (its run, or what its result was) not seen before; nothing is
learnt of a subject from its first warning on; and a prompt whose residual is empty is not "nothing" but "identical".
"""

from collections.abc import Iterable, Sequence
from typing import Annotated

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from agentwatch.fingerprint.canonical import canonical
from agentwatch.fingerprint.mask import mask
from agentwatch.fingerprint.sketch import BINS, pairs, word_hash
from agentwatch.fingerprint.words import words

__all__ = [
    "Residual",
    "ResidualOptions",
    "ResidualState",
    "Residue",
    "Shingles",
    "likeness",
    "sketch_shingles",
    "text_shingles",
]

_FULL = 200  # prompts after which all counters are halved; below 256, so that a byte holds them
_ODD = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xFF51AFD7ED558CCD)


class ResidualOptions(Struct, frozen=True, kw_only=True):
    """When a shingle counts as template, and how much is remembered of a subject (rows x 2^width_bits bytes).

    share: part of the prompts that hold a template's shingle. sketch_share: the same for a sketch's bins, lower because
    a payload takes a template's bin now and then. least_prompts: learnt before residuals are used.
    tail_words: what is compared before that. witnesses: runs or results remembered of a subject.
    """

    share: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.8
    sketch_share: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.6
    least_prompts: Annotated[int, Meta(ge=1, le=_FULL // 2)] = 20
    tail_words: Annotated[int, Meta(ge=1)] = 64
    rows: Annotated[int, Meta(ge=1, le=len(_ODD))] = 2
    width_bits: Annotated[int, Meta(ge=6, le=20)] = 11
    witnesses: Annotated[int, Meta(ge=1)] = 128
    subjects: Annotated[int, Meta(ge=1)] = 4096


class Shingles(Struct, frozen=True):
    """Hashes of a prompt's shingles: all of them, and those of its last words (none where only a sketch is known)."""

    every: tuple[int, ...]
    tail: tuple[int, ...] = ()
    bins: bool = False  # they are the bins of a sketch


class Residue(Struct, frozen=True):
    """What is left of a prompt. `mature`: the template was known; else it is the tail, and warns at most."""

    hashes: frozenset[int]
    mature: bool


class LearntSubject(Struct):
    """What is known of one subject's prompts."""

    subject: str
    counts: bytes
    prompts: int = 0
    frozen: bool = False
    witnesses: list[int] = []


class ResidualState(Struct, frozen=True):
    """All that was learnt, to be stored; subjects in order of last use."""

    subjects: tuple[LearntSubject, ...]
    evicted: int = 0


class _Subject:
    __slots__ = ("counts", "frozen", "prompts", "witnesses")

    def __init__(self, counts: NDArray[np.uint8]) -> None:
        self.counts = counts
        self.prompts = 0
        self.frozen = False
        self.witnesses: dict[int, None] = {}


class Residual:
    """Learns the templates of many subjects (agents, apps) and takes them off prompts; bounded in subjects and bytes.

    `evicted` counts the subjects that were forgotten because there were too many.
    """

    def __init__(self, options: ResidualOptions | None = None) -> None:
        self.options = options or ResidualOptions()
        self.evicted = 0
        self._subjects: dict[str, _Subject] = {}

    def residual(self, subject: str, shingles: Shingles) -> Residue:
        """Take the subject's template off a prompt; before enough prompts are learnt, return the prompt's tail."""
        known = self._subjects.get(subject)
        if known is None or known.prompts < self.options.least_prompts:
            return Residue(frozenset(shingles.tail or shingles.every), False)
        if not shingles.every:
            return Residue(frozenset(), True)
        hashes = np.array(shingles.every, dtype=np.uint64)
        held = np.min([known.counts[row][cells] for row, cells in enumerate(self._cells(hashes))], axis=0)
        share = self.options.sketch_share if shingles.bins else self.options.share
        kept = hashes[held < share * known.prompts]
        return Residue(frozenset(kept.tolist()), True)

    def learn(self, subject: str, shingles: Shingles, witness: int) -> bool:
        """Count a prompt's shingles once; False when the subject is frozen or `witness` was counted before.

        witness: a digest of the run, or of a result that is content. Ask `residual` first: read before learning.
        """
        known = self._touched(subject)
        if known.frozen or witness in known.witnesses:
            return False
        known.witnesses[witness] = None
        if len(known.witnesses) > self.options.witnesses:
            del known.witnesses[next(iter(known.witnesses))]
        if known.prompts >= _FULL:
            known.counts >>= 1
            known.prompts >>= 1
        known.prompts += 1
        for row, cells in enumerate(self._cells(np.array(shingles.every, dtype=np.uint64))):
            known.counts[row][cells] += 1  # a cell that is named twice is raised once
        return True

    def freeze(self, subject: str) -> None:
        """Learn nothing more of this subject: call it at its first warning."""
        self._touched(subject).frozen = True

    def prompts(self, subject: str) -> int:
        """Tell how many prompts of a subject count at present."""
        known = self._subjects.get(subject)
        return known.prompts if known else 0

    def state(self) -> ResidualState:
        """Return all that was learnt."""
        return ResidualState(
            tuple(
                LearntSubject(name, s.counts.tobytes(), s.prompts, s.frozen, list(s.witnesses))
                for name, s in self._subjects.items()
            ),
            self.evicted,
        )

    def restore(self, state: ResidualState) -> None:
        """Replace all that was learnt; a subject of another width or number of rows starts anew."""
        self.evicted = state.evicted
        self._subjects = {}
        for stored in state.subjects:
            subject = self._touched(stored.subject)
            subject.frozen = stored.frozen
            if len(stored.counts) == subject.counts.size:
                subject.counts[:] = np.frombuffer(stored.counts, dtype=np.uint8).reshape(subject.counts.shape)
                subject.prompts = stored.prompts
                subject.witnesses = dict.fromkeys(stored.witnesses)

    def _touched(self, subject: str) -> _Subject:
        known = self._subjects.pop(subject, None)
        if known is None:
            known = _Subject(np.zeros((self.options.rows, 1 << self.options.width_bits), dtype=np.uint8))
            if len(self._subjects) >= self.options.subjects:
                del self._subjects[next(iter(self._subjects))]
                self.evicted += 1
        self._subjects[subject] = known
        return known

    def _cells(self, hashes: NDArray[np.uint64]) -> Iterable[NDArray[np.uint64]]:
        shift = np.uint64(64 - self.options.width_bits)
        return [(hashes * np.uint64(odd)) >> shift for odd in _ODD[: self.options.rows]]


def likeness(a: Residue, b: Residue) -> float:
    """Compare two residues by Jaccard similarity, in 0..1; two empty ones are identical.

    A residue with its template taken off and one without never compare: 0.
    """
    if a.mature != b.mature:
        return 0.0
    if not a.hashes and not b.hashes:
        return 1.0
    shared = len(a.hashes & b.hashes)
    return shared / (len(a.hashes) + len(b.hashes) - shared)


def text_shingles(text: str, *, tail_words: int = 64, cap_bytes: int = 16_384) -> Shingles:
    """Hash the shingles of a text's masked form; of a text longer than the cap those of head and tail."""
    single = [word_hash(word) for word in words(mask(canonical(text)), cap_bytes)]
    return Shingles(_with_pairs(single), _with_pairs(single[-tail_words:]))


def sketch_shingles(sketch: bytes) -> Shingles:
    """Take the bins of a sketch for shingles: what there is when a producer sends no text."""
    if len(sketch) != BINS:
        return Shingles((), bins=True)
    return Shingles(tuple(index << 8 | code for index, code in enumerate(sketch)), bins=True)


def _with_pairs(single: Sequence[int]) -> tuple[int, ...]:
    return (*single, *pairs(single))

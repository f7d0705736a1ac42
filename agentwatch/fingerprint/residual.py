"""The template residual: what is left of a prompt without the shingles that nearly all of a subject's prompts hold.

Likeness of whole prompts cannot tell a loop from a template with a new payload; likeness of residuals can. What a
subject's prompts share is learnt in a count-min sketch (Cormode and Muthukrishnan, 2005) of one byte a counter, halved
when it is full, so that a template that changes is forgotten. Three rules keep it from learning the loop that it is
meant to find: a prompt counts only with a witness (its run, or what its result was) not seen before; nothing is
learnt of a subject from its first warning on; and a prompt whose residual is empty is not "nothing" but "identical".
"""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct, field

if TYPE_CHECKING:
    from agentwatch.fingerprint.shingles import Shingles

__all__ = [
    "LearntSubject",
    "Residual",
    "ResidualOptions",
    "ResidualState",
    "Residue",
    "likeness",
]

_DIGEST = 8
_M64 = (1 << 64) - 1
_FULL = 200  # prompts after which all counters are halved; below 256, so that a byte holds them
_HALVED = bytes(value >> 1 for value in range(256))


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
    rows: Annotated[int, Meta(ge=1, le=4)] = 2  # `shingles` has as many multipliers
    width_bits: Annotated[int, Meta(ge=6, le=20)] = 11
    witnesses: Annotated[int, Meta(ge=1)] = 128
    subjects: Annotated[int, Meta(ge=1)] = 4096


class Residue(Struct, frozen=True):
    """What is left of a prompt. `mature`: the template was known; else it is the tail, and warns at most."""

    hashes: frozenset[int]
    mature: bool


class LearntSubject(Struct, array_like=True, gc=False):
    """What is known of one subject's prompts: `rows` counters for each shingle, and the latest witnesses' digests."""

    subject: str
    counts: bytearray
    prompts: int = 0
    frozen: bool = False
    witnesses: bytearray = field(default_factory=bytearray)

    @classmethod
    def new(cls, subject: str, options: ResidualOptions) -> "LearntSubject":
        """Begin to learn a subject."""
        return cls(subject, bytearray(options.rows << options.width_bits))

    def residual(self, shingles: "Shingles", options: ResidualOptions) -> Residue:
        """Take the template off a prompt; before enough prompts are learnt, return the prompt's tail."""
        if self.prompts < options.least_prompts:
            return _without_template(shingles)
        share = options.sketch_share if shingles.bins else options.share
        kept = shingles.counted_below(share * self.prompts, self.counts, options.rows, options.width_bits)
        return Residue(frozenset(kept), True)

    def learn(self, shingles: "Shingles", witness: int, options: ResidualOptions) -> bool:
        """Count a prompt's shingles once; False when frozen or when `witness` was counted before."""
        if self.frozen or self._knows(witness):
            return False
        if len(self.witnesses) >= options.witnesses * _DIGEST:
            del self.witnesses[:_DIGEST]
        self.witnesses += (witness & _M64).to_bytes(_DIGEST, "little")
        if self.prompts >= _FULL:
            self.counts[:] = self.counts.translate(_HALVED)
            self.prompts >>= 1
        self.prompts += 1
        shingles.count(self.counts, options.rows, options.width_bits)
        return True

    def _knows(self, witness: int) -> bool:
        wanted = (witness & _M64).to_bytes(_DIGEST, "little")
        at = self.witnesses.find(wanted)
        while at >= 0 and at % _DIGEST:
            at = self.witnesses.find(wanted, at + 1)
        return at >= 0


class ResidualState(Struct, frozen=True):
    """All that was learnt, to be stored; subjects in order of last use."""

    subjects: tuple[LearntSubject, ...]
    evicted: int = 0


class Residual:
    """Learns the templates of many subjects (agents, apps) and takes them off prompts; bounded in subjects and bytes.

    `evicted` counts the subjects that were forgotten because there were too many.
    """

    def __init__(self, options: ResidualOptions | None = None) -> None:
        self.options = options or ResidualOptions()
        self.evicted = 0
        self._subjects: dict[str, LearntSubject] = {}

    def residual(self, subject: str, shingles: "Shingles") -> Residue:
        """Take the subject's template off a prompt; before enough prompts are learnt, return the prompt's tail."""
        known = self._subjects.get(subject)
        if known is None:
            return _without_template(shingles)
        return known.residual(shingles, self.options)

    def learn(self, subject: str, shingles: "Shingles", witness: int) -> bool:
        """Count a prompt's shingles once; False when the subject is frozen or `witness` was counted before.

        witness: a digest of the run, or of a result that is content. Ask `residual` first: read before learning.
        """
        return self._touched(subject).learn(shingles, witness, self.options)

    def freeze(self, subject: str) -> None:
        """Learn nothing more of this subject: call it at its first warning."""
        self._touched(subject).frozen = True

    def prompts(self, subject: str) -> int:
        """Tell how many prompts of a subject count at present."""
        known = self._subjects.get(subject)
        return known.prompts if known else 0

    def state(self) -> ResidualState:
        """Return all that was learnt."""
        return ResidualState(tuple(self._subjects.values()), self.evicted)

    def restore(self, state: ResidualState) -> None:
        """Replace all that was learnt; a subject of another width or number of rows starts anew."""
        self.evicted = state.evicted
        self._subjects = {}
        for stored in state.subjects:
            if len(stored.counts) == self.options.rows << self.options.width_bits:
                self._subjects[stored.subject] = stored
            else:
                self._touched(stored.subject).frozen = stored.frozen

    def _touched(self, subject: str) -> LearntSubject:
        known = self._subjects.pop(subject, None)
        if known is None:
            known = LearntSubject.new(subject, self.options)
            if len(self._subjects) >= self.options.subjects:
                del self._subjects[next(iter(self._subjects))]
                self.evicted += 1
        self._subjects[subject] = known
        return known


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


def _without_template(shingles: "Shingles") -> Residue:
    known = shingles.tail if len(shingles.tail) else shingles.every
    return Residue(frozenset(known.tolist()), False)

"""What was made of a document or a prompt, and whether that is new against what was made of it before."""

from msgspec import Struct
from xxhash import xxh3_64_intdigest

from agentwatch.detect.hitters import Recurrence
from agentwatch.fingerprint import similarity
from agentwatch.records import Fingerprint, Observation

__all__ = ["Outcome", "Weighed", "outcome_of", "weigh"]

MIN_WORDS = 8  # shorter answers are alike by chance; equal ones count half
LONG_WORDS = 20  # where another question was asked, an answer must be this long to be the same
SHORT = 0.5
ALIKE = 0.6  # two answers by one model to one question about one document
AKIN = 0.3  # the same, freely reworded: counts only where the question is the same, too
REWORDED = 0.75
OTHERWISE = 0.5  # another question, and nearly the same answer
UNKNOWN = 0.75  # the same question about the same document; the log does not tell how alike the answers are
MUTE = 0.5  # the same document, and the log holds no answers
_NO_NUMBERS = dict.fromkeys(i for i in range(128) if not chr(i).isdigit() and chr(i) != " ")


class Outcome(Struct, frozen=True, gc=False):
    """What an event made of what it was given. told: digest of the prompt beside the documents, 0 where there is none.

    numbers: digest of the numbers in the answer, in order; 0 where the log does not hold its text. scheduled: a
    schedule asked for it, and there is no document that should have been done with.
    """

    answer: Fingerprint | None
    told: int
    numbers: int
    document: bool
    scheduled: bool


class Weighed(Struct, frozen=True, gc=False):
    """What a repetition adds (of it `hard` where equal), or that it is `fresh`. `faint`: it warns at most."""

    total: float = 0.0
    hard: float = 0.0
    fresh: bool = False
    faint: bool = False
    words: str = ""


_FRESH = Weighed(fresh=True)
_NOTHING = Weighed()


def outcome_of(seen: Observation) -> Outcome:
    """Read what an event made of what it was given."""
    event, prints = seen.event, seen.prints
    answer = prints.output or prints.result
    text = event.output if event.output is not None else event.result
    numbers = 0
    if text is not None and answer is not None and answer.shape != answer.masked:
        numbers = xxh3_64_intdigest(" ".join(text.translate(_NO_NUMBERS).split()).encode("utf-8", "replace")) or 1
    document = bool(event.documents)
    told = prints.input.masked if prints.input is not None and prints.input.words else 0
    return Outcome(answer, told, numbers, document, event.trigger == "schedule" and not document)


def weigh(outcome: Outcome, known: Recurrence) -> Weighed:
    """Compare an outcome with the last one of the same document or prompt."""
    answer = outcome.answer
    same_told = outcome.told == known.told
    if answer is None or not known.output:
        if not outcome.document or answer is not None or known.output:
            return _NOTHING
        return Weighed(MUTE, faint=True, words="the same document again; the log holds no answers")
    if answer.masked == known.output:
        weight = 1.0 if answer.words >= MIN_WORDS else SHORT
        weight = weight if same_told else min(weight, OTHERWISE)
        return Weighed(weight, weight, words="the answer is equal to the one before")
    if not answer.sketch or not known.sketch:
        if outcome.document and same_told and outcome.told:
            return Weighed(UNKNOWN, words="the same question about the same document")
        return _FRESH
    if answer.words < MIN_WORDS or known.words < MIN_WORDS:
        return _FRESH
    return _alike(outcome, known, similarity(answer.sketch, known.sketch), same_told=same_told)


def _alike(outcome: Outcome, known: Recurrence, alike: float, *, same_told: bool) -> Weighed:
    """Weigh answers that are not equal. In those to a prompt alone numbers that change are the news, as in a report."""
    answer = outcome.answer
    numbers_changed = answer is not None and (outcome.numbers != known.numbers or answer.shape == known.shape)
    if numbers_changed and not outcome.document:
        return _FRESH
    if not same_told:
        long = answer is not None and answer.words >= LONG_WORDS
        if alike >= ALIKE and long and outcome.document:
            return Weighed(OTHERWISE, faint=True, words="nearly the same answer about the same document again")
        return _FRESH
    if alike >= ALIKE:
        weight = REWORDED if numbers_changed else 1.0
        return Weighed(weight, words="the answer is much like the one before")
    if alike >= AKIN and outcome.document:
        return Weighed(REWORDED, words="the answer is the one before in other words")
    return _FRESH

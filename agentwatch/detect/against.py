"""What speaks against a loop: results that are new, numbers that move one way, polls, and news from outside."""

from xxhash import xxh3_64_intdigest

from agentwatch.detect.history import History, Spoken, rfind
from agentwatch.detect.state import RunState
from agentwatch.fingerprint import nearest
from agentwatch.records import Fingerprint, Observation, ResultClass

__all__ = ["POLL_GAP_S", "answer_of", "brings_news", "found_nothing", "is_failure", "is_novel", "is_poll", "moved"]

POLL_GAP_S = 10.0  # a pending answer asked for again after this long is a poll
NEWS_BELOW = 0.5  # an input less alike than this to what was said before brings news
_NO_DIGITS = dict.fromkeys(map(ord, "0123456789"))


def is_failure(seen: Observation) -> bool:
    """Tell whether a call failed: by its status where it has one that says so, else by what its result reads like."""
    status = seen.event.status
    if status in ("error", "denied"):
        return True
    result = seen.prints.result
    if status is not None:
        return False
    return bool(seen.event.error) or (result is not None and result.klass is ResultClass.error)


def answer_of(seen: Observation) -> Fingerprint | None:
    """Give the print of a call's answer; where the log holds no result, what its error or its empty status tells."""
    result = seen.prints.result
    event = seen.event
    if result is not None or (not event.error and event.status not in ("error", "denied", "empty")):
        return result
    text = event.error or ""
    digest = xxh3_64_intdigest(text.encode())
    shape = xxh3_64_intdigest(text.translate(_NO_DIGITS).encode())
    klass = ResultClass.empty if event.status == "empty" else ResultClass.error
    return Fingerprint(digest, digest, shape, len(text), len(text.split()), klass)


def found_nothing(seen: Observation) -> bool:
    """Tell whether a call succeeded and brought back nothing: by its status where that says so, else by its result."""
    result = seen.prints.result
    return seen.event.status == "empty" or (result is not None and result.klass is ResultClass.empty)


def is_novel(seen: Observation, history: History) -> bool:
    """Tell whether a result says something that no call of the window was answered with. Digits count as content."""
    result = seen.prints.result
    if result is None or result.klass is not ResultClass.content or seen.event.status == "empty":
        return False
    return not history.had_answer(result.masked or 1)


def is_poll(result: Fingerprint | None, gap_s: float) -> bool:
    """Tell whether asking again was right: the answer was "not yet", and some time went by since the last asking."""
    return result is not None and result.klass is ResultClass.pending and gap_s >= POLL_GAP_S


def moved(before: tuple[float, ...], after: tuple[float, ...]) -> int:
    """Give the direction (1, -1) in which the first number that changed went, 0 where none did."""
    for old, new in zip(before, after, strict=False):
        if new != old:
            return 1 if new > old else -1
    return 0


def brings_news(seen: Observation, run: RunState, spoken: Spoken | None) -> bool:
    """Tell whether the input is a turn from outside: a human's, or one that is made of nothing said in this run.

    An input seen before, one that is an output or a result of this run, and one alike to the last input are not; nor is
    one that comes right after the speaker's own call, which is what that call brought, in whatever frame.
    """
    if seen.event.trigger == "human":
        return True
    told = seen.prints.input
    if told is None or told.words == 0 or spoken is None or spoken.acted:
        return False
    if rfind(spoken.inputs, told.masked) >= 0:
        return False
    sketches = spoken.told
    for history in run.histories():
        if history.had_answer(told.masked):
            return False
        said = history.spoken
        if said is None:
            continue
        if rfind(said.outputs, told.masked) >= 0:
            return False
        sketches += said.said
    return nearest(told.sketch, sketches) < NEWS_BELOW

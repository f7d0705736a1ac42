"""The pieces of evidence that verdicts rest on, and how each is taken away, so that its worth can be measured.

What an event holds is taken away from what the detectors see (`alter`), and what one event means from its reading
(`amend`) before they ask for it. Nothing of this is in the way of a daemon: only a bank that probes looks here.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from agentwatch.detect.near import of_tool
from agentwatch.detect.reading import Reading, tool_code
from agentwatch.detect.state import Scope
from agentwatch.records import Fingerprint, Observation, Prints, ResultClass

__all__ = ["PIECES", "Piece"]

Alter = Callable[[Observation], Observation]
Amend = Callable[[Reading, Observation, Scope], None]


class Piece(Struct, frozen=True):
    """One piece of evidence: what it is in words, whether it speaks against a loop, and how to go without it."""

    words: str
    against: bool = True
    alter: Alter | None = None
    amend: Amend | None = None


def _every(change: Callable[[Fingerprint], Fingerprint]) -> Alter:
    def altered(seen: Observation) -> Observation:
        prints = seen.prints
        found = (prints.input, prints.output, prints.arguments, prints.result)
        return replace(seen, prints=Prints(*(None if one is None else change(one) for one in found)))

    return altered


def _event(**fields: object) -> Alter:
    def altered(seen: Observation) -> Observation:
        return replace(seen, event=replace(seen.event, **fields))

    return altered


def _class(*classes: ResultClass) -> Alter:
    """Take such results for ones that say something."""

    def altered(seen: Observation) -> Observation:
        result = seen.prints.result
        if result is None or result.klass not in classes:
            return seen
        said = replace(result, klass=ResultClass.content)
        return replace(seen, prints=replace(seen.prints, result=said))

    return altered


def _pages(seen: Observation) -> Observation:
    asked = seen.prints.arguments
    if asked is None:
        return seen
    same = replace(asked, exact=asked.shape, masked=asked.shape)
    return replace(seen, prints=replace(seen.prints, arguments=same))


def _even_time(seen: Observation) -> Observation:
    return replace(seen, now=float(seen.index))


def _not_novel(reading: Reading, _seen: Observation, _scope: Scope) -> None:
    reading.novel = False
    if reading.said is not None:
        reading.said.new = False


def _no_success(reading: Reading, seen: Observation, scope: Scope) -> None:
    last = next(reversed(of_tool(tool_code(seen.event.tool), scope.history.near)), None)
    if last is not None and last.failed:
        reading.novel = False


def _no_news(reading: Reading, _seen: Observation, _scope: Scope) -> None:
    if reading.said is not None:
        reading.said.news = False


def _no_writes(reading: Reading, _seen: Observation, _scope: Scope) -> None:
    reading.writes = False


def _not_fresh(reading: Reading, _seen: Observation, _scope: Scope) -> None:
    reading.fresh = False


def _not_faint(reading: Reading, _seen: Observation, _scope: Scope) -> None:
    reading.faint = False


def _not_akin(reading: Reading, _seen: Observation, _scope: Scope) -> None:
    reading.akin = reading.akin and bool(reading.kind)


def _whole_prompts(reading: Reading, _seen: Observation, _scope: Scope) -> None:
    phrase = reading.phrase
    if phrase is not None and phrase.dull and not phrase.weight:
        phrase.weight, phrase.mature = _WHOLE, True


def _not_soft(reading: Reading, _seen: Observation, _scope: Scope) -> None:
    reading.soft = 0.0


def _no_rewording(reading: Reading, _seen: Observation, _scope: Scope) -> None:
    reading.phrase = None


_WHOLE = 0.8  # what a rewording weighs where its template is known

PIECES: Final[dict[str, Piece]] = {
    "novelty": Piece("an answer or output not had before takes evidence away", amend=_not_novel),
    "numbers": Piece("a number in the answer moves one way", alter=_every(lambda one: replace(one, numbers=()))),
    "pages": Piece("another number in the arguments (page, cursor, offset) makes another call", alter=_pages),
    "batch": Piece("another item of a batch takes a little away", amend=_not_akin),
    "acks": Piece("confirmations of writes say nothing either way", alter=_class(ResultClass.ack, ResultClass.bare)),
    "pending": Piece("a pending answer is a poll", alter=_class(ResultClass.pending)),
    "writes": Piece("something was changed between two equal calls", amend=_no_writes),
    "fresh": Piece("calls never made before lie between two equal ones", amend=_not_fresh),
    "success": Piece("a success after a failure of the same tool takes evidence away", amend=_no_success),
    "human": Piece("a human spoke", alter=_event(trigger=None)),
    "news": Piece("a turn from outside empties the buckets of outputs", amend=_no_news),
    "boilerplate": Piece("what nearly all prompts of an agent share is left out", amend=_whole_prompts),
    "faint": Piece("what may be honest work that looks alike warns at most", amend=_not_faint),
    "time": Piece("the time between: polls, pauses, back-off", alter=_even_time),
    "steps": Piece("equal calls within one step count once", alter=_event(step=None)),
    "soft": Piece("evidence short of an exact repetition", against=False, amend=_not_soft),
    "rewordings": Piece("prompts in other words", against=False, amend=_no_rewording),
    "likeness": Piece(
        "sketches, which tell how alike two texts are",
        against=False,
        alter=_every(lambda one: replace(one, sketch=b"")),
    ),
    "masks": Piece(
        "times, ids and numbers are masked before texts are compared",
        against=False,
        alter=_every(lambda one: replace(one, masked=one.exact, shape=one.exact)),
    ),
    "outcomes": Piece(
        "status and error, which say whether a call failed", against=False, alter=_event(status=None, error=None)
    ),
}

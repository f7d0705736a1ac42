"""Whether a tool call only puts an earlier one into other words: what it asks or what it gets was all met before.

Likeness alone would accuse every batch, whose items are alike; what tells is that nothing new comes in (`familiar`).
"""

from agentwatch.detect.familiar import ANSWER, ASKED, Familiar, unmet
from agentwatch.detect.history import History
from agentwatch.detect.lookup import looks_up
from agentwatch.detect.near import nears, of_tool
from agentwatch.detect.reading import Reading, tool_code, weigh
from agentwatch.fingerprint import nearest
from agentwatch.records import Fingerprint, Observation, ResultClass

__all__ = ["learn_reworded", "read_out_of_turn", "read_reworded"]

REWORDED = 0.75
AKIN_ARGUMENTS = 0.3  # how alike arguments must be to be a rewording of each other
AKIN_FRAME = 0.15  # … where they are acknowledged, and must hold nothing new besides
AKIN_ANSWERS = 0.5  # how alike answers must be to be asked whether they bring anything
MANY_WORDS = 10  # a shorter answer has too few shingles to tell
SOME_WORDS = 6
FEW_WORDS = 3  # an answer this short says no more than that it was heard
NOTHING = 1  # bins of 64 that may be new in a text that brings nothing: about what one sketch errs by
ITEM = 20  # bins of what is asked that are new where it is another item and no rewording: two new words of five
LITTLE = 4  # … in one that brings too little to speak for progress
SOME = 16  # … in one that brings a little: one hit of seven, a row more; a text that is all new has 40 and more
RUNS_LOW, LOW = 6, 0.6  # bins that are new in what is asked, and what it weighs then
RUNS_THIN, THIN = 10, 0.3
RUNNING_OUT = ((NOTHING, REWORDED), (RUNS_LOW, LOW), (RUNS_THIN, THIN))
ALL_BUT_A_FEW = 0.75
AGAIN = 1.0  # a call made before, acknowledged alike, with nothing but such calls between, out of turn
AGAIN_TERSE = 0.4  # … that says next to nothing itself: a key that is pressed
_SAYS_NOTHING = (ResultClass.content, ResultClass.ack, ResultClass.bare)


def read_reworded(seen: Observation, history: History, reading: Reading, result: Fingerprint | None) -> None:
    """Weigh a call that nothing else is evidence of; `akin` says that it is to be learnt."""
    arguments = seen.prints.arguments
    if result is None or arguments is None or reading.failed or not arguments.sketch:
        return
    if result.klass is ResultClass.content and result.words > FEW_WORDS:
        _answers(seen, history, reading, arguments, result)
    elif result.klass in _SAYS_NOTHING and arguments.words >= SOME_WORDS:
        _acknowledged(history, reading, arguments, tool_code(seen.event.tool))


def read_out_of_turn(history: History, reading: Reading, result: Fingerprint, place: int, *, terse: bool) -> None:
    """Weigh a call made before and acknowledged alike, with hardly anything but such calls since.

    A second pass over a batch comes back to each item in turn, after as many calls as to the one before.
    """
    since = history.window - place
    reading.lag = since
    if result.klass is ResultClass.pending or result.words > FEW_WORDS or since <= 1 or since == history.lag:
        return
    if history.went_on_since(place) and len({near.tool for near in nears(history.near)}) > 1:
        return  # other tools were used for something new, too: keys are pressed between what is typed
    if not history.in_turn(place) and history.alike_since(place) >= ALL_BUT_A_FEW:
        reading.faint = True
        weigh(
            reading,
            "paraphrase",
            soft=AGAIN_TERSE if terse else AGAIN,
            words="one of a few calls that are acknowledged again and again",
        )


def learn_reworded(seen: Observation, history: History) -> None:
    """Take in what an akin call asked and got."""
    if history.familiar is None:
        history.familiar = Familiar()
    arguments, result = seen.prints.arguments, seen.prints.result
    if arguments is not None and arguments.sketch:
        history.familiar.meet(arguments.sketch, ASKED)
    if result is not None and result.sketch and result.klass is ResultClass.content:
        history.familiar.meet(result.sketch, ANSWER)


def _answers(
    seen: Observation, history: History, reading: Reading, arguments: Fingerprint, result: Fingerprint
) -> None:
    """Weigh another answer to a like question: the same hits in another order, a page that hardly changes."""
    if result.words < MANY_WORDS or not result.sketch:
        return
    tool = tool_code(seen.event.tool)
    same_tool = [near for near in of_tool(tool, history.near) if not near.failed and near.result]
    if not same_tool or nearest(result.sketch, (near.answer for near in same_tool)) < AKIN_ANSWERS:
        return
    if nearest(arguments.sketch, (near.arguments for near in same_tool)) < AKIN_ARGUMENTS:
        return
    reading.akin = True
    if history.went_on_since(history.last_call(same_tool[-1].call)):
        return
    if not looks_up(seen.event) and unmet(history.familiar, arguments.sketch, ASKED) > ITEM:
        return  # another value put into a form: the page says nearly what it said, and it is progress
    left = unmet(history.familiar, result.sketch, ANSWER)
    reading.stale, reading.partly = left <= LITTLE, left <= SOME
    if left <= NOTHING:
        weigh(reading, "paraphrase", soft=REWORDED, words="a like call, and nothing in the answer is new")


def _acknowledged(history: History, reading: Reading, arguments: Fingerprint, tool: bytes) -> None:
    """Weigh a call that is acknowledged as the last was: a batch names something new each time, this does not."""
    alike = [near for near in of_tool(tool, history.near) if near.result == reading.result]
    if not alike or nearest(arguments.sketch, (near.arguments for near in alike)) < AKIN_FRAME:
        return
    reading.akin = True
    if history.went_on_since(history.last_call(alike[-1].call)):
        return
    left = unmet(history.familiar, arguments.sketch, ASKED)
    soft = next((weight for most, weight in RUNNING_OUT if left <= most), 0.0)
    if soft:
        reading.faint = True
        weigh(reading, "paraphrase", soft=soft, words="the same in other words, acknowledged again")

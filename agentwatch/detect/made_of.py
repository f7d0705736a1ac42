"""Whether an answer is made of what the run had met before: by its sketch, else by the pieces that its producer sends.

Sketches err, so that pieces of one text leave some bins unmet. Pieces of a producer are exact; what is new in a text of
which all was met before is the seams.
"""

from agentwatch.detect.familiar import ANSWER, unmet, unmet_pieces
from agentwatch.detect.growth import Growth
from agentwatch.detect.near import nears, of_tool
from agentwatch.detect.reading import Reading, tool_code
from agentwatch.detect.state import Scope
from agentwatch.detect.streak import grow
from agentwatch.fingerprint import nearest
from agentwatch.records import Fingerprint, Observation, ResultClass

__all__ = ["brings_nothing", "take"]

CAP = 60.0
MANY_WORDS = 20  # a shorter answer has too few shingles to be taken apart
AKIN = 0.3  # how alike answers must be, twice in a row, for the run to be looked at: a third of a file and the file
FEWEST = 4  # calls of a run before it is looked at
NEARLY_SAME = 0.7  # more alike is a page on which something changes: that is told otherwise, or is progress
HARDLY = 16  # bins of 64 that may be unmet in an answer that brings nothing: pieces of one text leave 5 to 15
LEAK = 2.0  # what an answer that does bring something takes off
MANY_PIECES = 12  # fewer are a form or a line or two, of which one changed value is a good part
HARDLY_PIECES = 0.25  # share of pieces that may be unmet: seven hits in another order leave a tenth to a fifth
SHARED = 0.05  # share that must be in the last answer too: a second pass over a batch has none
_PIECE = 2


def brings_nothing(seen: Observation, state: Scope, growth: Growth, *, learnt: bool) -> bool | None:
    """Tell whether an answer is only made of what was met; None where that says neither.

    learnt: the call itself has been taken into the history.
    """
    result = _content(seen)
    if result is None or state.reading.failed:
        return None
    if not result.sketch:
        return _by_pieces(result, state, growth, learnt=learnt)
    if _likeness(result, state, state.reading) >= NEARLY_SAME:
        return None
    return unmet(growth.met, result.sketch, ANSWER) <= HARDLY


def take(seen: Observation, state: Scope) -> None:
    """Count an answer, and remember what it is made of."""
    result = _content(seen)
    if result is None or state.reading.failed:
        return
    growth = state.run.growth or _begin(seen, state, result)
    if growth is None:
        return
    nothing = brings_nothing(seen, state, growth, learnt=True)
    if nothing:
        growth.stale = min(CAP, growth.stale + 1.0)
        growth.streak = grow(growth.streak, seen, state, (state.reading.call, state.reading.result))
    elif nothing is False:
        growth.stale = max(0.0, growth.stale - LEAK)
        if not growth.stale:
            growth.streak, growth.base = None, growth.held
    if result.sketch:
        growth.met.meet(result.sketch, ANSWER)
    else:
        growth.met.meet_pieces(result.pieces)
        growth.pieces = result.pieces


def _content(seen: Observation) -> Fingerprint | None:
    """Give an answer that is long enough to be taken apart, where it is known what it is made of."""
    result = seen.prints.result
    if result is None or result.klass is not ResultClass.content or result.words < MANY_WORDS:
        return None
    return result if result.sketch or len(result.pieces) >= MANY_PIECES * _PIECE else None


def _by_pieces(result: Fingerprint, state: Scope, growth: Growth, *, learnt: bool) -> bool | None:
    if state.history.had_answer(state.reading.result, latest=not learnt):
        return None  # the very same answer is for others to judge
    if not SHARED <= _shared(result.pieces, growth.pieces) < NEARLY_SAME:
        return None
    return unmet_pieces(growth.met, result.pieces) <= HARDLY_PIECES * (len(result.pieces) // _PIECE)


def _shared(one: bytes, other: bytes) -> float:
    """Tell the share of pieces that two answers have in common, of all that either has."""
    first, second = set(memoryview(one).cast("H")), set(memoryview(other).cast("H"))
    return len(first & second) / len(first | second)


def _likeness(result: Fingerprint, state: Scope, reading: Reading) -> float:
    """Tell how alike an answer is to those of the latest other calls."""
    return nearest(result.sketch, (near.answer for near in nears(state.history.near) if near.call != reading.call))


def _begin(seen: Observation, state: Scope, result: Fingerprint) -> Growth | None:
    """Look at a run from where its answers are partly what earlier ones of the tool were; most cost little here."""
    run, history = state.run, state.history
    if not result.sketch:
        run.growth = Growth()
        return run.growth
    if history.window < FEWEST:
        return None
    others = [near.answer for near in of_tool(tool_code(seen.event.tool), history.near, latest=False)]
    if not others:
        return None
    run.akin = run.akin + 1 if nearest(result.sketch, others) >= AKIN else 0
    if run.akin < 2:
        return None
    growth = run.growth = Growth()
    for near in nears(history.near):
        growth.met.meet(near.answer, ANSWER)
    return growth

"""Whether a call that was never made before is only a variant of an earlier one that brought the same nothing."""

from agentwatch.detect.history import History
from agentwatch.detect.lookup import looks_up
from agentwatch.detect.near import Near, answered, nears
from agentwatch.detect.reading import Reading, likeness, tool_digest, weigh
from agentwatch.records import Fingerprint, Observation, ResultClass

__all__ = ["ERROR_ALIKE", "SOME_WORDS", "read_variant"]

COUNTED = 0.6  # the same but for digits, with the same failure or nothing found: hard
STALE = 0.75  # other arguments a little alike, the same failure
OTHERWISE = 0.6  # quite other arguments, the same failure
WANDERING = 0.35  # quite other arguments, nothing found again
ALIKE = 0.75  # arguments half alike
AKIN = 0.6  # arguments a little alike
HALF = 0.5  # factor for nothing found again after a change, where the arguments are alike
EMPTY = 0.5  # other arguments, nothing found again
CLOSE = 0.75  # nearly the same arguments, the same silence or the same few words
CLOSE_FROM = 0.8
MANY_WORDS = 10
ALIKE_FROM = 0.5
AKIN_FROM = 0.3
SOME_WORDS = 6
ERROR_ALIKE = 0.5
ELSEWHERE_ALIKE = 0.6
_QUIET = (ResultClass.ack, ResultClass.bare, ResultClass.pending)


def read_variant(seen: Observation, history: History, reading: Reading, result: Fingerprint | None) -> None:
    """Compare a call with the latest distinct calls of the same tool and keep the strongest evidence in the reading."""
    arguments = seen.prints.arguments
    if result is None or arguments is None:
        return
    if result.klass in (ResultClass.ack, ResultClass.bare, ResultClass.pending) and not (
        reading.failed or reading.empty
    ):
        return
    # a success with another answer is no variant
    ring = history.near
    found = nears(ring) if reading.failed else answered(reading.result.to_bytes(8, "little"), ring)
    if not found:
        return
    tool = tool_digest(seen.event.tool)
    best = Reading()
    for near in reversed(found):
        if near.failed != reading.failed or not near.result:
            continue
        if near.tool == tool:
            _compare(near, seen, history, result, reading, best)
        elif reading.failed and result.words >= MANY_WORDS:
            _failing_elsewhere(near, result, reading, best)
    if reading.failed and not result.sketch and not best.kind:
        _one_tool_after_the_other(found, tool, best)
    reading.kind, reading.hard, reading.soft = best.kind, best.hard, best.soft
    reading.words, reading.faint = best.words, best.faint


def _compare(
    near: Near, seen: Observation, history: History, result: Fingerprint, reading: Reading, best: Reading
) -> None:
    """Weigh one earlier call against this one, and keep it in `best` where it is the strongest evidence so far.

    Where another tool changed something after nothing had been found, the look-up was for that: a record to create.
    """
    arguments = seen.prints.arguments
    if arguments is None:
        return
    same_answer = near.result == reading.result
    counted = near.shape == arguments.shape
    alike = likeness(near.arguments, arguments.sketch)
    found = Reading()
    if reading.failed:
        same = same_answer or near.result_shape == result.shape
        _failing_alike(found, near, result, alike, same=same, counted=counted and same_answer)
    elif same_answer and reading.empty:
        silent = result.size == 0 and seen.event.status != "empty" and not looks_up(seen.event)
        _nothing(found, arguments, alike, silent=silent, counted=counted)
        if nears(history.near)[-1].tool != near.tool and history.wrote_since(history.last_call(near.call)):
            used = HALF if counted or alike >= ALIKE_FROM else 0.0
            found.hard, found.soft = found.hard * used, found.soft * used
    elif same_answer:
        _same_content(found, arguments, result, 1.0 if counted else alike, known=bool(near.arguments))
    if found.hard + found.soft > best.hard + best.soft:
        best.kind, best.hard, best.soft, best.words = found.kind, found.hard, found.soft, found.words
        best.faint = found.faint


def _failing_elsewhere(near: Near, result: Fingerprint, reading: Reading, best: Reading) -> None:
    """Weigh another tool failing in nearly the same words: names that no tool has, a workspace that is closed."""
    if near.result != reading.result and likeness(near.answer, result.sketch) < ELSEWHERE_ALIKE:
        return
    if best.hard + best.soft < OTHERWISE:
        weigh(best, "failure", soft=OTHERWISE, words="another tool, and much the same error")


def _one_tool_after_the_other(recent: list[Near], tool: int, best: Reading) -> None:
    """Weigh a failure of a tool that was not called lately right after another one, where no sketch tells of errors."""
    if recent and recent[-1].failed and all(near.tool != tool for near in recent):
        weigh(best, "failure", soft=OTHERWISE, words="one tool after the other fails")


def _nothing(found: Reading, arguments: Fingerprint, alike: float, *, silent: bool, counted: bool) -> None:
    """Weigh "nothing" again. One without a word may be a change that worked in silence, so it takes close likeness."""
    if silent:
        if alike >= CLOSE_FROM and arguments.words >= SOME_WORDS:
            found.faint = True
            weigh(found, "stagnation", soft=CLOSE, words="nearly the same arguments, nothing comes back again")
    elif counted:
        words = "only numbers change in the arguments, nothing is found again"
        weigh(found, "stagnation", hard=COUNTED, words=words)
    else:
        weight = EMPTY if alike >= AKIN_FROM else WANDERING
        weigh(found, "stagnation", soft=weight, words="changed arguments, nothing is found again")


def _same_content(found: Reading, arguments: Fingerprint, result: Fingerprint, alike: float, *, known: bool) -> None:
    """Weigh an answer had before. A few words ("true", "1 row") answer many questions, so they take close likeness."""
    words = "changed arguments, the same answer again"
    if result.words >= MANY_WORDS:
        if alike >= AKIN_FROM or not (known and arguments.sketch):  # where likeness is unknown the answer must do
            weigh(found, "stagnation", soft=ALIKE if alike >= ALIKE_FROM else AKIN, words=words)
    elif alike >= CLOSE_FROM and arguments.words >= MANY_WORDS:
        found.faint = True
        weigh(found, "stagnation", soft=CLOSE, words=words)


def _failing_alike(found: Reading, near: Near, result: Fingerprint, alike: float, *, same: bool, counted: bool) -> None:
    if counted:
        words = "only numbers change in the arguments, the same failure"
        weigh(found, "stagnation", hard=COUNTED, words=words)
    elif same:
        weight = STALE if alike >= AKIN_FROM else OTHERWISE
        weigh(found, "stagnation", soft=weight, words="changed arguments, the same failure")
    elif alike >= AKIN_FROM and likeness(near.answer, result.sketch) >= ERROR_ALIKE:
        weight = ALIKE if alike >= ALIKE_FROM else AKIN
        weigh(found, "failure", soft=weight, words="much the same call fails with much the same error")

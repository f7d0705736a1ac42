"""Whether a tool call brings anything new: it is compared with the same call before, else with the latest alike.

Weights are those of a leaky bucket that warns at 3 and kills at 9 (docs/detectors.md says where each comes from).
"""

from agentwatch.detect.against import POLL_GAP_S, answer_of, found_nothing, is_failure, is_novel, is_poll, moved
from agentwatch.detect.backoff import HEAD, backs_off, has_slowed, is_busy
from agentwatch.detect.history import History
from agentwatch.detect.lookup import acts, looks_up
from agentwatch.detect.near import Near, same_call
from agentwatch.detect.reading import Reading, call_digest, likeness, weigh
from agentwatch.detect.reworded import read_out_of_turn, read_reworded
from agentwatch.detect.variants import ERROR_ALIKE, SOME_WORDS, read_variant
from agentwatch.records import Fingerprint, Observation, ResultClass

__all__ = ["read_call"]

SAME = 1.0  # the same call with the same answer, adjacent or for the third time
AGAIN = 0.6  # the same for the second time, with others between; less the more calls lie between,
NEARBY = 4  # from this many on, so that a second pass over any number of items alone never warns
SILENT = 0.75  # the same call in a row, whose answer says nothing
TERSE = 0.5  # the same, where the call itself says next to nothing ("continue", a key that is pressed)
UNNAMED = 0.6  # factor where the log holds no arguments: what was called is known by its name only
SPIN_GAP_S = 1.0
UNLOGGED = 0.8  # the same call in a row, where the log holds no answers
OTHER_ERROR = 0.25  # the same call failing with an error that says something else
UNKNOWN_ERROR = 0.5  # the same call in a row failing, where no sketch tells how alike the errors are
FLIPPED = 0.5  # the same call with an answer that was had before, or nearly the same one
NEARLY_SAME = 0.9
MANY_WORDS = 10
IDLE = 0.3  # a short call with a short answer, repeated at leisure: waiting, most likely
PRESSED = 0.4  # the same by a tool whose name says that it acts: a click
MOVING = 0.25  # factor for a failure whose numbers move one way
HALF = 0.5  # factor for a change made between, and for slow repeats
QUARTER = 0.25  # part of the hard evidence that is soft at an unhurried pace; half of it from POLL_GAP_S a call
BRISK_S = 3.0
SLOW_GAP_S = 60.0
SAME_MOMENT_S = 0.02
WAITED = 0.6  # factor for the soft part of a failure after a pause, until it is seen whether the pauses lengthen
FEW = 3  # failures in a row by which that is not seen yet
PATIENT = 0.15  # factor for a pause that lengthens those before it, and for failures a minute apart: back-off
BETWEEN = 0.15  # factor for a short answer had before, where calls never made before lie between
_QUIET = (ResultClass.ack, ResultClass.empty, ResultClass.bare, ResultClass.pending)


def read_call(seen: Observation, history: History) -> Reading:
    """Compare a tool call with the window and say what it adds or takes away."""
    result = answer_of(seen)
    reading = Reading(call=call_digest(seen), failed=is_failure(seen), empty=found_nothing(seen))
    reading.result = 0 if result is None else result.masked or 1
    if seen.prints.arguments is None and result is None:
        return reading
    place = history.last_call(reading.call)
    if place >= 0:
        reading.parallel = _is_parallel(seen, history, place)
        if reading.parallel:
            return reading
        _same(seen, history, reading, result, place)
        if (
            result is not None
            and not reading.kind
            and not reading.failed
            and reading.result == history.result_at(place)
        ):
            read_out_of_turn(history, reading, result, place, terse=_is_terse(seen))
        elif not reading.kind:
            read_reworded(seen, history, reading, result)
    else:
        read_variant(seen, history, reading, result)
        if not reading.kind:
            read_reworded(seen, history, reading, result)
        reading.fresh = not reading.kind and not reading.failed
        reading.writes = reading.fresh and result is not None and _acknowledges(seen, result)
    if reading.failed or result is None:
        reading.novel = result is None and place < 0
    elif not reading.kind:
        reading.novel = not reading.stale and is_novel(seen, history)
    return reading


def _is_terse(seen: Observation) -> bool:
    """Tell whether the call itself says next to nothing: a key that is pressed, "continue"."""
    return seen.prints.arguments is None or seen.prints.arguments.words < SOME_WORDS


def _acknowledges(seen: Observation, result: Fingerprint) -> bool:
    """Tell whether an answer to a new call says that something was changed: it confirms, or that went in silence."""
    return result.klass is ResultClass.ack or (result.klass is ResultClass.empty and not looks_up(seen.event))


def _is_parallel(seen: Observation, history: History, place: int) -> bool:
    """Tell a duplicate within one step: by its number, else by coming at the same moment from one output."""
    step = seen.event.step
    if step is not None:
        return step == history.step and place >= history.window - history.step_calls
    one_output = history.spoken is not None and history.spoken.acted
    return one_output and seen.now - history.time_at(place) < SAME_MOMENT_S


def _same(seen: Observation, history: History, reading: Reading, result: Fingerprint | None, place: int) -> None:
    near = same_call(reading.call.to_bytes(8, "little"), history.near)
    adjacent = place == history.window - 1
    gap_s = seen.now - history.time_at(place)
    earlier = history.result_at(place)
    if is_poll(result, gap_s):
        reading.poll = True
        reading.against = ("the answer is pending and some time went by: a poll",)
        return
    third = (near is not None and near.same >= 2) or history.times_answered(reading.call, earlier, place) >= 2
    apart = reading.apart = history.window - place
    base = 1.0 if adjacent or third else AGAIN * min(1.0, NEARBY / apart)
    terse = _is_terse(seen)
    short = result is not None and result.words < SOME_WORDS
    if short and not adjacent and not reading.failed and history.went_on_since(place):
        base *= BETWEEN
    if result is None:
        if not earlier:
            weight = TERSE if terse else UNLOGGED
            weigh(reading, "repeat", soft=weight * base, words="the same call again, answers unknown")
    elif reading.result == earlier:
        if result.klass is ResultClass.pending:
            _pending_again(reading, gap_s, adjacent=adjacent)
        else:
            _same_answer(reading, result, base, adjacent=adjacent, terse=terse, third=third)
    elif reading.failed:
        _other_failure(result, reading, near, base, adjacent=adjacent)
        if seen.prints.result is not None and seen.event.result is None and history.wrote_since(place):
            _halve(reading)  # in which way its numbers moved is not known
    elif result.klass is ResultClass.content:
        went_on = not adjacent and history.went_on_since(place)
        _other_answer(reading, result, near, novel=is_novel(seen, history), went_on=went_on)
    if seen.prints.arguments is None:
        reading.hard, reading.soft = 0.0, (reading.hard + reading.soft) * UNNAMED
        reading.against += ("the log holds no arguments",)
    if reading.failed and is_busy((seen.event.error or seen.event.result or "")[:HEAD]):
        _halve(reading)
        reading.against += ("the other side says that it is busy",)
    _discount(
        history,
        reading,
        near,
        place,
        gap_s,
        adjacent=adjacent,
        idle=terse and short,
        acting=acts(seen.event.tool or ""),
    )


def _pending_again(reading: Reading, gap_s: float, *, adjacent: bool) -> None:
    """Weigh a poll that comes too soon: a spin is one, a look every few seconds is a waste that warns at most."""
    if gap_s < SPIN_GAP_S:
        weigh(reading, "repeat", hard=TERSE if adjacent else 0.0, words="a pending answer is asked for in a spin")
    elif adjacent:
        reading.faint = True
        haste = (1.0 - gap_s / POLL_GAP_S) ** 3
        weigh(reading, "repeat", soft=TERSE * haste, words="a pending answer is asked for again and again")


def _same_answer(
    reading: Reading, result: Fingerprint, base: float, *, adjacent: bool, terse: bool, third: bool
) -> None:
    if reading.failed:
        weigh(reading, "failure", hard=SAME * base, words="the same call fails with the same error")
    elif result.klass not in _QUIET and not reading.empty:
        weigh(reading, "repeat", hard=SAME * base, words="the same call gets the same answer")
    elif not adjacent and not terse and reading.empty:
        weigh(reading, "repeat", soft=SILENT * base, words="the same call gets the same empty answer again")
    elif adjacent:
        weight = (TERSE if third else TERSE * HALF) if terse else SILENT
        weigh(reading, "repeat", hard=weight, words="the same call in a row gets the same empty answer")


def _other_answer(reading: Reading, result: Fingerprint, near: Near | None, *, novel: bool, went_on: bool) -> None:
    """Weigh another answer to the same call: one had before, or, with no new calls between, nearly the last one."""
    if not novel:
        weigh(reading, "repeat", soft=FLIPPED, words="the same call with an answer that was had before")
    elif near is not None and not near.failed and not went_on and result.words >= MANY_WORDS:
        direction = moved(near.numbers, result.numbers)
        if direction and near.moved in (0, direction):
            reading.against = ("a number in the answer moves one way",)
        elif likeness(near.answer, result.sketch) >= NEARLY_SAME:
            reading.faint = True
            weigh(reading, "repeat", soft=FLIPPED, words="the same call with nearly the same answer")


def _halve(reading: Reading) -> None:
    reading.hard *= HALF
    reading.soft *= HALF


def _other_failure(result: Fingerprint, reading: Reading, near: Near | None, base: float, *, adjacent: bool) -> None:
    if near is None or not near.failed:
        return
    alike = near.result_shape == result.shape or likeness(near.answer, result.sketch) >= ERROR_ALIKE
    if not alike and adjacent and not result.sketch:
        weigh(reading, "failure", soft=UNKNOWN_ERROR * base, words="the same call fails again, nothing lies between")
        return
    if not alike:
        reading.against = ("the error says something else than before",)
        weigh(reading, "failure", soft=OTHER_ERROR * base, words="the same call fails again")
        return
    direction = moved(near.numbers, result.numbers)
    if direction and near.moved in (0, direction):
        reading.against = ("a number in the error moves one way",)
        base *= MOVING
    weigh(reading, "failure", hard=SAME * base, words="the same call fails with much the same error")


def _discount(
    history: History,
    reading: Reading,
    near: Near | None,
    place: int,
    gap_s: float,
    *,
    adjacent: bool,
    idle: bool,
    acting: bool,
) -> None:
    if not reading.kind:
        return
    if not adjacent and history.wrote_since(place):
        _halve(reading)
        reading.against += ("something was changed between the two calls",)
    if backs_off(history, reading.call, place, gap_s):
        patient = PATIENT if gap_s < POLL_GAP_S else 0.0
        reading.soft, reading.hard, reading.faint = (reading.soft + reading.hard) * patient, 0.0, True
        reading.against += ("it waits longer each time",)
        return
    pace_s = gap_s / reading.apart
    if gap_s >= POLL_GAP_S and idle and not reading.failed:
        most = PRESSED if acting else IDLE
        reading.hard, reading.soft = 0.0, min(most, reading.hard + reading.soft)
        reading.against += ("a short call with a short answer, made at leisure",)
    elif pace_s >= SLOW_GAP_S:
        patient = reading.failed or has_slowed(history, reading.call, gap_s)
        reading.soft = (reading.soft + reading.hard) * (PATIENT if patient else HALF) / reading.apart
        reading.hard, reading.faint = 0.0, True
        reading.against += ("the calls are more than a minute apart",)
    elif pace_s >= BRISK_S:
        unhurried = HALF if pace_s >= POLL_GAP_S else QUARTER
        early = near is None or near.same <= FEW
        waited = WAITED if early and reading.failed and gap_s >= POLL_GAP_S else 1.0
        reading.soft = (reading.soft + reading.hard * unhurried) * waited
        reading.hard *= 1.0 - unhurried

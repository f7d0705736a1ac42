"""Whether what an agent says is new: its output is compared with its own earlier ones, never with another's.

An output counts as repeated only where its input brought nothing either: a classifier that answers "no issues" to one
new text after the other repeats itself rightly.
"""

from msgspec import Struct

from agentwatch.detect.against import brings_news
from agentwatch.detect.familiar import SAID, unmet
from agentwatch.detect.history import INPUTS, OUTPUTS, History, Spoken, remembered, rfind
from agentwatch.detect.news import NEWS, heard_of, spread
from agentwatch.detect.state import RunState, Scope
from agentwatch.detect.streak import grow
from agentwatch.fingerprint import nearest, similarity
from agentwatch.records import Fingerprint, Observation

__all__ = ["Said", "learn_said", "output_of", "read_said", "worked"]

CAP = 30.0
MIN_WORDS = 8  # shorter texts are alike by chance; equal ones count half
ALIKE = 0.8
SHORT = 0.5
SLOW_GAP_S = 60.0  # outputs further apart are half the evidence, and warn at most
SLOW = 0.5
SLOW_CAP = 4.0
LONG_WORDS = 50  # texts this long that share most of their words describe the same scene
LONG_ALIKE = 0.7
HARDLY = 16  # bins of 64 that may be new in what others said, for it to be no news: a draft with one other sentence
SAME_SIZE = 0.1  # two texts whose length differs by less may be one that was revised
UNPROMPTED = 0.6  # weight of one where the log does not say what it answers
LEAK = 1.5  # what a new output of the same speaker takes off


class Said(Struct, gc=False):
    """What one output means: its weight as a repetition, whether it is equal or only alike, whether it is new.

    link: weight as one more long output in a row that is much like the one before. news: the input is a turn from
    outside. slow: it comes more than a minute after the one before. heard: others did or said something new since
    then; stirred: they said something in other words at least. hard: the part of the weight that is exact repetition.
    acted: its speaker called a tool since it spoke last, so that its input is what came back.
    """

    weight: float = 0.0
    link: float = 0.0
    equal: bool = False
    new: bool = False
    news: bool = False
    slow: bool = False
    heard: bool = False
    stirred: bool = False
    hard: float = 0.0
    acted: bool = False


def output_of(seen: Observation) -> Fingerprint | None:
    """Give the text that the event's agent said, if it said one."""
    if seen.event.op not in ("chat", "message"):
        return None
    prints = seen.prints
    output = prints.output
    if output is None and seen.event.op == "message":
        output = prints.input
    return output if output is not None and output.words else None


def read_said(seen: Observation, scope: Scope) -> Said:
    """Compare an output with the speaker's earlier ones."""
    said, run, history = Said(), scope.run, scope.history
    spoken = history.spoken
    output = output_of(seen)
    said.news = brings_news(seen, run, spoken)
    said.acted = spoken is not None and spoken.acted
    if output is None:
        return said
    if spoken is None:
        said.new = True
        return said
    said.equal = rfind(spoken.outputs, output.masked) >= 0
    alike = said.equal or _is_alike(spoken, output)
    said.new = not alike
    heard = heard_of(scope) - spoken.heard
    said.heard, said.stirred = heard >= NEWS, heard > 0
    if not said.news and not spoken.acted and _told_before(seen, history, spoken):
        said.slow = seen.now - spoken.at >= SLOW_GAP_S
        prompted = seen.prints.input is not None and seen.prints.input.words > 0
        if alike and not said.heard:
            said.weight = (1.0 if output.words >= MIN_WORDS else SHORT) * (SLOW if said.slow else 1.0)
            said.weight *= SHORT if said.stirred and not output.sketch else 1.0  # what stirred it may have been new
            said.hard = said.weight if said.equal and not said.slow and not said.stirred else 0.0
        if output.words >= LONG_WORDS and (prompted or not said.heard) and _is_next(spoken, output):
            said.link = 1.0 if prompted else UNPROMPTED
    return said


def _is_next(spoken: Spoken, output: Fingerprint) -> bool:
    return similarity(output.sketch, spoken.said[-len(output.sketch) :]) >= LONG_ALIKE


def _is_alike(spoken: Spoken, output: Fingerprint) -> bool:
    if output.words < MIN_WORDS or not output.sketch:
        return False
    return nearest(output.sketch, spoken.said) >= ALIKE


def _told_before(seen: Observation, history: History, spoken: Spoken) -> bool:
    told = seen.prints.input
    if told is None or told.words == 0 or seen.event.op == "message":
        return True
    return rfind(spoken.inputs, told.masked) >= 0 or history.had_answer(told.masked)


def learn_said(seen: Observation, scope: Scope, said: Said) -> None:
    """Take an output and its input in."""
    spoken = scope.history.spoken
    if spoken is None:
        spoken = scope.history.spoken = Spoken()
    told = seen.prints.input
    if told is not None and told.words:
        spoken.inputs = remembered(spoken.inputs, told.masked, INPUTS)
        spoken.hear(told.sketch)
    if said.news or said.heard:
        spoken.stale = spoken.hard = 0.0
        spoken.chain = 0.0 if said.news else spoken.chain
        spoken.streak = spoken.streak if spoken.chain else None
    spoken.acted = False
    output = output_of(seen)
    if output is None:
        return
    spoken.chain = min(CAP, spoken.chain + said.link) if said.link else 0.0
    if said.weight:
        spoken.stale = max(spoken.stale, min(SLOW_CAP if said.slow else CAP, spoken.stale + said.weight))
        spoken.hard = min(CAP, spoken.hard + said.hard)
        spoken.streak = grow(spoken.streak, seen, scope, (output.masked,))
    elif said.link:
        spoken.streak = grow(spoken.streak, seen, scope, (output.masked,))
    elif said.new:
        _fade(spoken, LEAK)
    if not said.equal:
        spread(seen, scope, NEWS if said.new and _is_news(output, spoken, scope) else 1)
    spoken.at, spoken.heard, spoken.size = seen.now, heard_of(scope), output.size
    spoken.outputs = remembered(spoken.outputs, output.masked, OUTPUTS)
    if output.sketch and output.words >= MIN_WORDS and not said.equal:
        spoken.say(output.sketch)


def _is_news(output: Fingerprint, spoken: Spoken, scope: Scope) -> bool:
    """Tell whether others hear something new in this: it holds what was not said in this tree before.

    Without a sketch only the size tells a draft that was revised a little from another text.
    """
    if output.words < MIN_WORDS:
        return False
    if not output.sketch:
        return abs(output.size - spoken.size) > SAME_SIZE * spoken.size
    exchange = scope.root.exchange
    return exchange is None or unmet(exchange.met, output.sketch, SAID) > HARDLY


def worked(run: RunState) -> None:
    """Forget repeated outputs after work that brought something new."""
    _put_aside(run.own.spoken)
    if run.others:
        for history in run.others.values():
            _put_aside(history.spoken)


def _put_aside(spoken: Spoken | None) -> None:
    if spoken is not None and (spoken.stale or spoken.phrased is not None):
        spoken.stale = spoken.hard = 0.0
        spoken.streak = spoken.phrased = None


def _fade(spoken: Spoken, leak: float) -> None:
    spoken.stale = max(0.0, spoken.stale - leak)
    spoken.hard = max(0.0, spoken.hard - leak)
    if not spoken.stale and not spoken.chain:
        spoken.streak = None

"""Whether a prompt is an earlier one in other words and its answer brings nothing new, judged on the template residual.

Whole prompts of one agent are alike because they share a template. What tells a rewording from a new item in the same
template is what the template leaves of both; it is learnt of each agent and, for new agents, of the app, from distinct
runs or distinct answers only, and never from a run that was warned of. Texts are hashed only where the prompt is like
the one before and either its answer says nothing new, or it is one of those that are learnt.
"""

from typing import TYPE_CHECKING

from msgspec import Struct
from xxhash import xxh3_64_intdigest

from agentwatch.detect.familiar import PROMPT, Familiar, unmet
from agentwatch.detect.history import Phrased, Spoken, rfind
from agentwatch.detect.said import Said, output_of
from agentwatch.detect.state import Scope
from agentwatch.detect.streak import grow
from agentwatch.fingerprint import nearest, similarity
from agentwatch.fingerprint.residual import LearntSubject, ResidualOptions
from agentwatch.fingerprint.sketch import sketch_of_hashes
from agentwatch.records import Fingerprint, Observation

if TYPE_CHECKING:
    from agentwatch.fingerprint.shingles import Shingles

__all__ = ["Phrase", "learn_phrase", "read_phrase"]

OPTIONS = ResidualOptions(witnesses=64)
CAP_BYTES = 4096  # of a prompt that are hashed: half from its head, half from its tail
MIN_WORDS = 12  # a shorter prompt has too few shingles to be a rewording
MIN_ANSWER = 8
TEMPLATED = 0.3  # prompts in a row as alike as this share a template that is worth learning
ANSWER_ALIKE = 0.5
LEFT_ALIKE = 0.3  # innocent residues are 0.01 alike and less, those of loops 0.35 to 0.85 (docs/fingerprint.md)
TAIL_ALIKE = 0.6
REWORDED = 0.8
FEW_NEW = 4  # bins of 64 that may be new in a prompt while the template is unknown
UNLEARNT = 0.5  # weight while the template is unknown
UNLEARNT_CAP = 4.0
CAP = 30.0
LEAK = 1.5  # what an answer that says something new takes off
FREEZE = 3.0  # from here on nothing more is learnt of an agent, until a human speaks
LEARNT = 40  # prompts after which only one in 64 is learnt, chosen by its digest


class Phrase(Struct, gc=False):
    """What one prompt means.

    dull: its answer brings nothing new. weight: as one more rewording; mature: judged with a known template. left:
    sketch of what the template left. learn: it may be learnt from.
    """

    weight: float = 0.0
    mature: bool = False
    dull: bool = False
    learn: bool = False
    left: bytes = b""
    shingles: "Shingles | None" = None


def read_phrase(seen: Observation, scope: Scope, said: Said) -> Phrase | None:
    """Compare a prompt with the one before; None where it is too short, quite another, equal, or a human's."""
    told, spoken, output = seen.prints.input, scope.history.spoken, output_of(seen)
    if told is None or told.words < MIN_WORDS or spoken is None or not spoken.prompted or output is None:
        return None
    alike = similarity(told.sketch, spoken.told)
    if alike < TEMPLATED or seen.event.trigger == "human" or rfind(spoken.inputs, told.masked) >= 0:
        return None
    phrase = Phrase(dull=_is_dull(said, spoken, output))
    if phrase.dull:
        phrase.shingles = _shingles(seen, told)
        template = _template(scope)
        residue = template.residual(phrase.shingles, OPTIONS)
        phrase.mature, phrase.left = residue.mature, sketch_of_hashes(map(_spread, residue.hashes))
        phrase.weight = _weight(phrase, spoken.phrased, unmet(scope.history.familiar, told.sketch, PROMPT))
    phrase.learn = not phrase.weight and _may_learn(scope, told)
    return phrase


def learn_phrase(seen: Observation, scope: Scope, said: Said, phrase: Phrase | None) -> None:
    """Take a prompt in: as evidence, as news, or as one more example of the template."""
    spoken = scope.history.spoken
    if seen.event.trigger == "human" and scope.agent.template is not None:
        scope.agent.template.frozen = False
    if spoken is None:
        return
    phrased = spoken.phrased
    if phrased is not None and _speaks_against(said, phrase, phrased):
        phrased.stale = max(0.0, phrased.stale - LEAK)
        phrased.known = max(0.0, phrased.known - LEAK)
        if not phrased.stale:
            spoken.phrased = None
    if phrase is None:
        return
    if phrase.dull:
        _note(seen, scope, spoken, phrase)
    if phrase.learn:
        _learn(seen, scope, phrase)


def _speaks_against(said: Said, phrase: Phrase | None, before: Phrased) -> bool:
    """Tell whether the answer is new, or the prompt another item in the known template."""
    if phrase is None or not phrase.dull:
        return said.new or said.news
    return phrase.mature and before.mature and not phrase.weight


def _note(seen: Observation, scope: Scope, spoken: Spoken, phrase: Phrase) -> None:
    phrased = spoken.phrased
    if phrased is None:
        phrased = spoken.phrased = Phrased()
    phrased.left, phrased.mature = phrase.left, phrase.mature
    told = seen.prints.input
    if told is None:
        return
    if not phrase.mature:
        scope.history.familiar = scope.history.familiar or Familiar()
        scope.history.familiar.meet(told.sketch, PROMPT)
    if not phrase.weight:
        return
    cap = CAP if phrase.mature else max(UNLEARNT_CAP, phrased.stale)
    phrased.stale = min(cap, phrased.stale + phrase.weight)
    phrased.known = min(CAP, phrased.known + phrase.weight * phrase.mature)
    phrased.streak = grow(phrased.streak, seen, scope, (told.masked,))
    if phrased.stale >= FREEZE and scope.agent.template is not None:
        scope.agent.template.frozen = True


def _learn(seen: Observation, scope: Scope, phrase: Phrase) -> None:
    told, output = seen.prints.input, output_of(seen)
    if told is None or output is None:
        return
    shingles = phrase.shingles or _shingles(seen, told)
    fresh = not phrase.dull and output.words >= MIN_ANSWER
    witness = output.masked if fresh else xxh3_64_intdigest(scope.run.run.encode())
    agent, app = scope.agent, scope.app
    if agent.template is None:
        agent.template = LearntSubject.new("", OPTIONS)
    if app.template is None:
        app.template = LearntSubject.new("", OPTIONS)
    agent.template.learn(shingles, witness, OPTIONS)
    app.template.learn(shingles, witness, OPTIONS)


def _is_dull(said: Said, spoken: Spoken, output: Fingerprint) -> bool:
    if output.words < MIN_ANSWER:
        return False
    return said.equal or nearest(output.sketch, spoken.said) >= ANSWER_ALIKE


def _weight(phrase: Phrase, before: Phrased | None, new: int) -> float:
    if before is None or before.mature != phrase.mature:
        return 0.0
    if not before.left or not phrase.left:  # the template is all there is: the prompts are the same one
        return REWORDED if before.left == phrase.left and phrase.mature else 0.0
    alike = similarity(before.left, phrase.left)
    if phrase.mature:
        return REWORDED if alike >= LEFT_ALIKE else 0.0
    return UNLEARNT if alike >= TAIL_ALIKE and new <= FEW_NEW else 0.0


def _spread(value: int) -> int:
    """Mix a hash over all bits: what stands for a sketch's bin is a small number."""
    return (value * 0x9E3779B97F4A7C15 ^ value) & 0xFFFFFFFFFFFFFFFF


def _template(scope: Scope) -> LearntSubject:
    """Give the agent's template, or the app's while the agent's is not known well enough."""
    agent, app = scope.agent.template, scope.app.template
    if agent is not None and (app is None or agent.prompts >= OPTIONS.least_prompts):
        return agent
    return app if app is not None else _UNKNOWN


_UNKNOWN = LearntSubject("", bytearray())


def _may_learn(scope: Scope, told: Fingerprint) -> bool:
    template = scope.agent.template
    if scope.run.signals or (template is not None and template.frozen):
        return False
    return template is None or template.prompts < LEARNT or told.masked % 64 == 0


def _shingles(seen: Observation, told: Fingerprint) -> "Shingles":
    from agentwatch.fingerprint.shingles import sketch_shingles, text_shingles  # with numpy, which start-up can spare

    text = seen.event.input
    return sketch_shingles(told.sketch) if text is None else text_shingles(text, cap_bytes=CAP_BYTES)

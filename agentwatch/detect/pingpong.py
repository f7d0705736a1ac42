"""Agents that answer each other round a ring, without work and without anything new."""

from typing import Annotated

from msgspec import Meta, Struct

from agentwatch.detect.exchange import VOICES, Exchange, Voice
from agentwatch.detect.familiar import SAID, Familiar, unmet
from agentwatch.detect.grade import grade
from agentwatch.detect.history import remember, rfind
from agentwatch.detect.reading import tool_digest
from agentwatch.detect.said import output_of
from agentwatch.detect.state import Scope
from agentwatch.detect.streak import evidence_of, grow
from agentwatch.fingerprint import similarity
from agentwatch.records import Fingerprint, Observation, Signal
from agentwatch.subject import root_subject

__all__ = ["Pingpong", "PingpongOptions"]

CAP = 60.0
TURNS = 8  # messages that tell how many take part
KEPT = 32  # digests kept of each speaker: courtesies come in twenty kinds, and a plan moves on
SKETCHES = 2
ALIKE = 0.7
ALIKE_WORDS = 5  # shorter messages are alike by chance
SHORT_WORDS = 6  # a new message this short is a courtesy, and half of one that says nothing
COURTESY = 0.5
LITTLE = 4  # bins of 64 that may be new in a message that says nothing new
HARDLY = 16  # … in one that says too little to be news
LEAK = 2.0  # what a message that says something new takes off
LONG_WORDS = 16  # … if it is this long; a shorter one takes off less

Trips = Annotated[float, Meta(gt=0, le=1000)]


class PingpongOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Round trips in which nothing new was said."""

    enabled: bool = True
    warn: Trips = 5.0
    kill: Trips = 12.0


class Answer(Struct, gc=False):
    """What one message adds to the exchange: weight and whether it was equal, how many take part, or that it is new."""

    weight: float = 0.0
    equal: bool = False
    new: bool = False
    voices: int = 0


class Pingpong:
    """Warns of answers that go round with nothing new in them; only equal messages can kill."""

    kind = "pingpong"
    ops = ("chat", "message")
    learns_from = ("execute_tool", "chat", "message")

    def __init__(self, options: PingpongOptions) -> None:
        self.options = options

    def read(self, seen: Observation, state: Scope) -> Signal | None:
        """Judge the event by what was learnt before it."""
        exchange = state.root.exchange
        if exchange is None or exchange.stale < self.options.warn:
            return None
        output = output_of(seen)
        if output is None:
            return None
        answer = _weigh(seen, exchange, output)
        if not answer.weight or answer.voices < 2:
            return None
        trips = (exchange.stale + answer.weight) / answer.voices
        if trips < self.options.warn:
            return None
        hard = (exchange.hard + (answer.weight if answer.equal else 0.0)) / answer.voices
        graded = grade(hard, trips, self.options.warn, self.options.kill)
        found = evidence_of(exchange.streak, seen, state, (output.masked,), answer.voices)
        return Signal(
            kind=self.kind,
            subject=root_subject(state.run.tenant, state.run.app, state.root.root),
            strength=graded.strength,
            kill_at=graded.kill_at,
            ceiling=graded.ceiling,
            confidence=graded.confidence,
            reason=f"{answer.voices} agents answer each other, {int(trips)} round trips with nothing new",
            speaks_for=(
                f"{found.count} messages repeat earlier ones of their speakers",
                "no tool brought news",
            ),
            evidence=found,
        )

    def learn(self, seen: Observation, state: Scope) -> None:
        """Take the event into the tree's exchange."""
        exchange = state.root.exchange
        if exchange is None and not _is_company(seen, state):
            return
        reading, output = state.reading, output_of(seen)
        if reading.novel or (reading.said is not None and reading.said.news and seen.event.trigger == "human"):
            if exchange is not None:
                exchange.stale = exchange.hard = 0.0
                exchange.streak = None
            return
        if reading.said is None or output is None or (exchange is not None and exchange.index == seen.index):
            return
        if exchange is None:
            exchange = state.root.exchange = Exchange()
        exchange.index = seen.index
        _take(seen, state, exchange, output)


def _is_company(seen: Observation, state: Scope) -> bool:
    """Tell whether anybody else speaks in this tree of runs; most trees are one agent alone and keep nothing here."""
    return bool(state.run.others or state.root.descendants or seen.event.to_agent)


def _weigh(seen: Observation, exchange: Exchange, output: Fingerprint) -> Answer:
    speaker = tool_digest(seen.event.agent)
    turns = exchange.turns
    answer = Answer()
    if turns and turns[-8:] == speaker.to_bytes(8, "little"):
        return answer
    kinds = {bytes(turns[at : at + 8]) for at in range(0, len(turns), 8)}
    answer.voices = len(kinds | {speaker.to_bytes(8, "little")})
    voice = next((voice for voice in exchange.voices if voice.speaker == speaker), None)
    if voice is None:
        answer.new = True
        return answer
    answer.equal = rfind(voice.said, output.masked) >= 0
    if answer.equal or _is_alike(voice, output):
        answer.weight = 1.0
    elif output.words <= SHORT_WORDS:
        answer.weight = COURTESY
    else:
        left = unmet(exchange.met, output.sketch, SAID)
        answer.weight, answer.new = float(left <= LITTLE), left > HARDLY
    return answer


def _is_alike(voice: Voice, output: Fingerprint) -> bool:
    if output.words < ALIKE_WORDS or not output.sketch:
        return False
    return any(similarity(output.sketch, sketch) >= ALIKE for sketch in voice.sketches)


def _share_new(output: Fingerprint) -> float:
    """Tell how much of a message can be new: less in a shorter one, and nothing is known of a short one's digest."""
    if output.words >= LONG_WORDS:
        return 1.0
    return output.words / LONG_WORDS if output.sketch else 0.0


def _take(seen: Observation, state: Scope, exchange: Exchange, output: Fingerprint) -> None:
    answer = _weigh(seen, exchange, output)
    if answer.weight and answer.voices >= 2:
        exchange.stale = min(CAP, exchange.stale + answer.weight)
        exchange.hard = min(CAP, exchange.hard + (answer.weight if answer.equal else 0.0))
        exchange.streak = grow(exchange.streak, seen, state, (output.masked,))
    elif answer.new:
        leak = LEAK * _share_new(output)
        exchange.stale = max(0.0, exchange.stale - leak)
        exchange.hard = max(0.0, exchange.hard - leak)
        if not exchange.stale:
            exchange.streak = None
    speaker = tool_digest(seen.event.agent)
    remember(exchange.turns, speaker, TURNS)
    voice = next((voice for voice in exchange.voices if voice.speaker == speaker), None)
    if voice is None:
        if len(exchange.voices) >= VOICES:
            del exchange.voices[0]
        voice = Voice(speaker)
        exchange.voices.append(voice)
    remember(voice.said, output.masked, KEPT)
    if output.sketch and not answer.equal:
        if exchange.met is None:
            exchange.met = Familiar()
        exchange.met.meet(output.sketch, SAID)
        if len(voice.sketches) >= SKETCHES:
            del voice.sketches[0]
        voice.sketches.append(output.sketch)

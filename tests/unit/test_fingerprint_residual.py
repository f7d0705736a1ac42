"""The residual tells a loop from a template with a new payload, and does not learn the loop that it is to find."""

import random

import msgspec
import pytest

from agentwatch.fingerprint import fingerprint_text, similarity
from agentwatch.fingerprint.canonical import canonical
from agentwatch.fingerprint.mask import mask
from agentwatch.fingerprint.residual import (
    Residual,
    ResidualOptions,
    ResidualState,
    likeness,
)
from agentwatch.fingerprint.shingles import Shingles, sketch_shingles, text_shingles
from agentwatch.fingerprint.sketch import shingle_hashes

DRAW = random.Random(11)
VOCABULARY = ["".join(DRAW.choices("abcdefghijklmnopqrstuvwxyz", k=DRAW.randint(2, 9))) for _ in range(5000)]
TEMPLATE = DRAW.choices(VOCABULARY, k=150)
PAYLOAD = DRAW.choices(VOCABULARY, k=17)  # one tenth of the prompt


def prompt(payload: list[str]) -> str:
    return " ".join([*TEMPLATE[:100], *payload, *TEMPLATE[100:]])


def innocent() -> str:
    return prompt(DRAW.choices(VOCABULARY, k=17))


def loop() -> str:
    return prompt([DRAW.choice(VOCABULARY) if DRAW.random() < 0.1 else word for word in PAYLOAD])


def from_sketch(text: str) -> Shingles:
    return sketch_shingles(fingerprint_text(text).sketch)


def auc(low: list[float], high: list[float]) -> float:
    pairs = [(a < b) + 0.5 * (a == b) for a in low for b in high]
    return sum(pairs) / len(pairs)


@pytest.mark.parametrize(("made", "least"), [(text_shingles, 1.0), (from_sketch, 0.95)])
def test_residual_separates_what_whole_prompts_cannot(made, least) -> None:
    whole = [similarity(fingerprint_text(innocent()).sketch, fingerprint_text(innocent()).sketch) for _ in range(20)]
    edited = " ".join(DRAW.choice(VOCABULARY) if DRAW.random() < 0.1 else word for word in prompt(PAYLOAD).split())
    looping = similarity(fingerprint_text(prompt(PAYLOAD)).sketch, fingerprint_text(edited).sketch)
    assert sorted(whole)[10] > looping  # the innocent prompts are more alike than the loop's

    learner = Residual()
    for run in range(25):
        assert learner.learn("agent", made(innocent()), run)
    innocents = [likeness(*(learner.residual("agent", made(innocent())) for _ in "ab")) for _ in range(60)]
    loops = [likeness(*(learner.residual("agent", made(loop())) for _ in "ab")) for _ in range(60)]
    assert auc(innocents, loops) >= least
    if made is text_shingles:
        assert sorted(innocents)[57] <= 0.03
        assert 0.35 <= sorted(loops)[30] <= 0.85


def test_support_counts_witnesses_and_never_repeats() -> None:
    learner = Residual(ResidualOptions(least_prompts=2))
    shingles = text_shingles("do the same thing again")
    assert learner.learn("agent", shingles, 7)
    assert not any(learner.learn("agent", shingles, 7) for _ in range(100))
    assert learner.prompts("agent") == 1
    assert learner.residual("agent", shingles).hashes  # a loop in one run did not become template


def test_nothing_is_learnt_after_the_first_warning() -> None:
    learner = Residual(ResidualOptions(least_prompts=2))
    learner.freeze("agent")
    assert not learner.learn("agent", text_shingles("a b c"), 1)
    assert learner.learn("other", text_shingles("a b c"), 1)


def test_an_empty_residual_under_a_text_is_identical() -> None:
    learner = Residual(ResidualOptions(least_prompts=3))
    same = text_shingles("exactly the template")
    for run in range(3):
        learner.learn("agent", same, run)
    left = learner.residual("agent", same)
    assert left.mature
    assert not left.hashes
    assert likeness(left, left) == 1.0
    assert likeness(left, learner.residual("agent", text_shingles("something else"))) == 0.0


def test_before_enough_prompts_the_tail_is_compared() -> None:
    learner = Residual()
    long_head = "head " * 500
    a, b = (learner.residual("agent", text_shingles(long_head + tail)) for tail in ("x " * 64, "y " * 64))
    assert not a.mature
    assert likeness(a, b) == 0.0
    mature = Residual(ResidualOptions(least_prompts=1))
    mature.learn("agent", text_shingles("t"), 1)
    assert likeness(a, mature.residual("agent", text_shingles(long_head))) == 0.0


def test_counters_are_halved_and_never_overflow() -> None:
    learner = Residual()
    shingles = text_shingles("the template stays")
    for run in range(1000):
        learner.learn("agent", shingles, run)
    assert 100 <= learner.prompts("agent") <= 200
    assert not learner.residual("agent", shingles).hashes


def test_subjects_and_witnesses_are_bounded_and_counted() -> None:
    learner = Residual(ResidualOptions(subjects=2, witnesses=3))
    for name in ("a", "b", "a", "c"):
        for witness in range(5):
            learner.learn(name, text_shingles("x y"), witness)
    assert learner.evicted == 1
    assert [s.subject for s in learner.state().subjects] == ["a", "c"]
    assert all(len(s.witnesses) == 3 * 8 for s in learner.state().subjects)


def test_state_travels() -> None:
    learner = Residual(ResidualOptions(least_prompts=3))
    for run in range(5):
        learner.learn("agent", text_shingles(innocent()), run)
    learner.freeze("agent")
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(learner.state()), type=ResidualState)
    again = Residual(ResidualOptions(least_prompts=3))
    again.restore(stored)
    probe = text_shingles(innocent())
    assert again.residual("agent", probe) == learner.residual("agent", probe)
    assert not again.learn("agent", probe, 99)
    wider = Residual(ResidualOptions(width_bits=12))
    wider.restore(stored)
    assert wider.prompts("agent") == 0


def test_shingles_of_a_text_are_those_of_its_sketch() -> None:
    text = "One two, three 0x1f four; five " * 9
    hashes = shingle_hashes(mask(canonical(text)), 16_384)
    assert sorted(text_shingles(text).every) == sorted(hashes)
    tail = text_shingles(text, tail_words=4).tail
    assert len(tail) == 4 + 3
    assert set(tail) <= set(hashes)
    assert list(text_shingles("word", tail_words=1).tail) == list(text_shingles("word").every)


def test_no_shingles() -> None:
    learner = Residual(ResidualOptions(least_prompts=1))
    learner.learn("agent", text_shingles(""), 1)
    assert not learner.residual("agent", text_shingles("")).hashes
    assert not len(sketch_shingles(b"").every)

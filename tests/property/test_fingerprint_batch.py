"""The batch path and the one-text path agree on everything; sketches estimate what they say."""

import random
from collections.abc import Sequence

from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentwatch.fingerprint import FingerprintOptions, fingerprint_batch, fingerprint_text, similarity
from agentwatch.fingerprint.kernel import sketch_many
from agentwatch.fingerprint.sketch import shingle_hashes, sketch
from agentwatch.records import Event

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=120)
WORDY = st.lists(
    st.sampled_from(["", " ", "alpha", "Beta_1", "é", "中文", "—", "x" * 30, "7", "\x00", "ab", "…"]), max_size=30
)
TEXTS = st.one_of(ANY_TEXT, WORDY.map(" ".join), WORDY.map("".join))
EVENTS = st.builds(
    lambda i, o, a, r: Event(agent="a", input=i, output=o, arguments=a, result=r),
    *(st.none() | TEXTS for _ in range(4)),
)


@settings(max_examples=150)
@given(st.lists(EVENTS, max_size=12), st.sampled_from([FingerprintOptions(), FingerprintOptions(sketch_cap_bytes=64)]))
def test_batch_and_single_paths_agree(events: list[Event], options: FingerprintOptions) -> None:
    for event, prints in zip(events, fingerprint_batch(events, options), strict=True):
        for field in ("input", "output", "arguments", "result"):
            text = getattr(event, field)
            expected = None if text is None else fingerprint_text(text, result=field == "result", options=options)
            assert getattr(prints, field) == expected


@settings(max_examples=200)
@given(st.lists(TEXTS.map(lambda text: text.encode(errors="replace")), max_size=20), st.integers(64, 200))
@example([b"", b"", b""], 64)
@example([b"a b c", b"", b"a b c"], 64)
@example([b"...", b"one", b"", b"two two"], 64)
@example(["中".encode(), "a中".encode(), "中a".encode(), b""], 64)
def test_kernel_gives_each_text_the_sketch_it_has_alone(texts: list[bytes], cap_bytes: int) -> None:
    sketches, counts = sketch_many(texts, cap_bytes, 256)
    assert sketches == [sketch(text, cap_bytes) for text in texts]
    assert len(counts) == len(texts)


def _jaccard(a: bytes, b: bytes) -> float:
    first, second = set(shingle_hashes(a, 1 << 20)), set(shingle_hashes(b, 1 << 20))
    return len(first & second) / len(first | second)


def _edited(words: Sequence[str], part: float, draw: random.Random) -> bytes:
    return " ".join(word if draw.random() > part else f"w{draw.randrange(10**6)}" for word in words).encode()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.3, 1.0]), st.integers(40, 400))
def test_similarity_estimates_jaccard(seed: int, part: float, length: int) -> None:
    draw = random.Random(seed)
    errors = []
    for _ in range(16):
        words = [f"w{draw.randrange(10**6)}" for _ in range(length)]
        a, b = " ".join(words).encode(), _edited(words, part, draw)
        errors.append(similarity(sketch(a, 1 << 20), sketch(b, 1 << 20)) - _jaccard(a, b))
    assert abs(sum(errors) / len(errors)) < 0.08  # five standard errors of the mean of 16
    assert max(map(abs, errors)) < 0.35

"""What holds of chants, familiar texts and heavy hitters, whatever comes."""

from hypothesis import given
from hypothesis import strategies as st

from agentwatch.detect.familiar import ANSWER, ASKED, FULL, Familiar, unmet
from agentwatch.detect.hitters import Hitters, Recurrence
from agentwatch.fingerprint.chant import CAP_CHARS, find_chant

sketches = st.binary(min_size=64, max_size=64)
keys = st.integers(0, (1 << 64) - 1)


@given(st.text(max_size=400), st.text(min_size=1, max_size=60), st.integers(0, 60))
def test_a_chant_is_never_more_than_the_text(opening, block, count):
    text = opening + block * count
    found = find_chant(text)
    if found is not None:
        assert found.blocks >= 2
        assert found.covered <= found.of == min(len(text), CAP_CHARS)
        assert found.block in text


@given(st.text(alphabet="abcdef ghij", max_size=300), st.integers(30, 90))
def test_words_repeated_to_the_end_are_found(opening, count):
    found = find_chant(f"{opening}. {'once more with feeling ' * count}")
    assert found is not None
    assert found.blocks >= count - 2


@given(st.lists(sketches, max_size=40), sketches)
def test_what_was_met_is_familiar_and_memory_is_bounded(met, last):
    familiar = Familiar()
    for sketch in met:
        familiar.meet(sketch, ANSWER)
    familiar.meet(last, ANSWER)
    assert unmet(familiar, last, ANSWER) == 0
    assert unmet(None, last, ANSWER) == 64
    assert unmet(Familiar(), last, ASKED) <= 64
    assert familiar.count <= FULL
    assert len(familiar.young) + len(familiar.old) <= 512


@given(st.lists(st.tuples(keys, st.floats(0, 1e6)), max_size=60), st.integers(1, 8), st.integers(1, 4))
def test_a_ring_of_hitters_keeps_the_latest(came, most, records):
    hitters, now = Hitters(), 1e9
    for key, gap in came:
        now += gap
        hitters.note(key, now, most)
        hitters.record(key, Recurrence("a", "r", now, now, 0, ""), records)
        assert len(hitters.ring) <= most * 12
        assert abs((hitters.came_at(key) or 0.0) - now) <= 1.0
        assert len(hitters.known or {}) <= records
        assert key in (hitters.known or {})

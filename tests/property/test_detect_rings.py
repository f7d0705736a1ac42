"""Packed rings answer as plain lists of what went in would."""

from hypothesis import given
from hypothesis import strategies as st
from xxhash import xxh3_64_digest

from agentwatch.detect.dedup import note
from agentwatch.detect.history import CALLS, FRESH, TEXTS, WRITE, History, Spoken

few = st.integers(0, 4)
calls = st.lists(st.tuples(few, few, st.floats(0, 500), st.sampled_from((0, 1, FRESH, WRITE))), max_size=90)


@given(calls)
def test_the_window_of_calls_is_a_list_of_the_latest(made):
    history, plain, now = History(), [], 1000.0
    for call, result, pause, mark in made:
        now += pause
        history.push(call, result, now, mark)
        plain = [*plain, (call, result, now, mark)][-CALLS:]
    assert history.window == len(plain)
    places = range(len(plain))
    assert [(history.call_at(at), history.result_at(at), history.mark_at(at)) for at in places] == [
        (call, result, mark) for call, result, _, mark in plain
    ]
    assert all(abs(history.time_at(at) - plain[at][2]) < 0.011 for at in places)
    assert [one[:2] + one[3:] for one in history.entries()] == [one[:2] + one[3:] for one in plain]
    for digest in range(6):
        where = [at for at in places if plain[at][0] == digest]
        assert history.last_call(digest) == (where[-1] if where else -1)
        assert history.had_answer(digest) == any(one[1] == digest for one in plain)
        for place in places:
            assert history.call_before(digest, place) == max((at for at in where if at < place), default=-1)
            assert history.call_from(digest, place) == min((at for at in where if at >= place), default=-1)
            times = [at for at in where if at <= place and plain[at][1] == 1]
            if plain[place][0] == digest:
                assert history.times_answered(digest, 1, place) == min(2, len(times))
    for place in (-1, *places):
        assert history.wrote_since(place) == any(one[3] & WRITE for one in plain[place + 1 :])
        assert history.went_on_since(place) == any(one[3] & FRESH for one in plain[place + 1 :])


sketches = st.binary(min_size=64, max_size=64)


@given(st.lists(st.tuples(st.booleans(), st.one_of(st.just(b""), sketches)), max_size=8))
def test_the_sketches_of_what_was_told_and_said_are_kept_apart(turns):
    spoken, told, said = Spoken(), b"", []
    for hears, sketch in turns:
        if hears:
            spoken.hear(sketch)
            told = sketch
        elif sketch:
            spoken.say(sketch)
            said = [*said, sketch][-TEXTS:]
        assert (spoken.told, spoken.said, spoken.prompted) == (told, b"".join(said), bool(told))


@given(st.lists(st.tuples(st.integers(0, 12).map(str), st.integers(0, 40)), max_size=60), st.integers(1, 9))
def test_an_id_counts_once_among_the_latest_and_within_the_time(events, most):
    ring, plain, second = b"", [], 0
    for event_id, pause in events:
        second += pause
        given_ring = note(ring, event_id, second, most, 60.0)
        again = any(one == event_id and second - at <= 60 for one, at in plain)
        assert (given_ring is None) == again
        if given_ring is not None:
            ring = given_ring
            plain = [*plain[-(most - 1) :], (event_id, second)] if most > 1 else [(event_id, second)]


def test_an_id_is_known_by_six_bytes_and_late_times_count_as_the_latest():
    ring = note(b"", "a", 1 << 30, 4, 60.0)
    assert ring == xxh3_64_digest(b"a")[:6] + b"\xff\xff\xff"
    assert note(ring, "a", (1 << 30) + 9, 4, 60.0) is None

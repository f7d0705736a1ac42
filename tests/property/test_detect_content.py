"""Properties of the content detectors' state and of the ladder, whatever comes."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from agentwatch.detect.bank import Bank
from agentwatch.detect.history import CALLS, History, mix, remember, rfind
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.policy.ladder import Ladder, LadderOptions
from agentwatch.records import Level, Signal
from agentwatch.testing import Trace, observations
from agentwatch.verdict import fold

digests = st.integers(min_value=0, max_value=(1 << 64) - 1)
few = st.sampled_from([1, 2, 3, 1 << 8, 1 << 16, 0x0101010101010101, (1 << 64) - 1])


@given(st.lists(few, max_size=40), few)
def test_a_ring_finds_the_latest_place_as_a_list_would(values, wanted):
    ring = bytearray()
    for value in values:
        remember(ring, value, 16)
    kept = values[-16:]
    place = len(kept) - 1 - kept[::-1].index(wanted) if wanted in kept else -1
    assert rfind(ring, wanted) == place


@given(st.lists(st.tuples(few, few, st.floats(0, 1e6), st.integers(0, 7)), max_size=120))
def test_a_history_holds_the_last_calls_and_no_more(calls):
    history = History()
    for call, result, now, mark in calls:
        history.push(call, result, now, mark)
    kept = calls[-CALLS:]
    assert history.window == len(kept)
    assert [history.result_at(place) for place in range(len(kept))] == [result for _, result, _, _ in kept]
    for call in {call for call, *_ in kept}:
        place = history.last_call(call)
        assert kept[place][0] == call
        assert all(other != call for other, *_ in kept[place + 1 :])


@given(digests, digests)
def test_a_mixed_pair_is_a_digest_and_never_zero(a, b):
    assert 0 < mix(a, b) < 1 << 64


calls = st.tuples(
    st.sampled_from(["read", "bash", "say", "send"]),
    st.sampled_from(["", "ls", "{}", "a b c d e f g h i j", "page 1", "page 2"]),
    st.sampled_from([None, "", "ok", "error: no such file or directory", "still running", "1 2 3", "x " * 12]),
    st.sampled_from([None, "ok", "empty", "error", "denied", "held"]),
    st.sampled_from([0.0, 0.01, 1.0, 15.0, 100.0]),
    st.sampled_from([None, 1, 2]),
    st.sampled_from(["a", "b"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(calls, max_size=60))
def test_any_stream_gives_the_same_signals_after_a_restart(stream):
    trace = Trace(gap_s=0.0)
    for kind, given_, result, status, gap_s, step, agent in stream:
        if kind in ("read", "bash"):
            trace.call(kind, given_, result, status=status, gap_s=gap_s, step=step, agent=agent)
        elif kind == "say":
            trace.say(given_, result, gap_s=gap_s, agent=agent)
        else:
            trace.send("b", given_, gap_s=gap_s, agent=agent)
    options, one, two = DetectOptions(), Bank(StateOptions()), Bank(StateOptions())
    for seen in observations(trace.events):
        signals = one.observe(seen, one.admit(seen.event, seen.index), options)
        again = msgspec.msgpack.decode(msgspec.msgpack.encode(seen), type=type(seen))
        assert two.observe(again, two.admit(again.event, again.index), options) == signals
        for signal in signals:
            assert signal.strength >= 1.0 or signal.kind in ("rate", "ceiling")
            assert len(signal.evidence.event_ids) <= 8
        chunks = list(two.snapshot())
        two = Bank(StateOptions())
        two.restore(chunks)
    assert list(one.snapshot()) == list(two.snapshot())


strengths = st.lists(st.floats(0, 20), max_size=40)


@given(strengths, st.sets(st.sampled_from(list(Level))), st.sampled_from(list(Level)))
def test_a_ladder_never_exceeds_what_is_allowed_and_never_falls_while_climbing(values, allowed, ceiling):
    ladder, before = Ladder(LadderOptions()), Level.observe
    for at, strength in enumerate(values):
        signal = Signal(kind="k", subject="t/a/run/r", strength=strength, kill_at=3.0, ceiling=ceiling, reason="r")
        (verdict,) = fold([signal])
        move = ladder.climb(verdict, float(at), allowed)
        level = ladder.level("t/a/run/r")
        assert before <= level <= ceiling
        assert level is Level.observe or level in allowed
        assert move is None or (move.previous, move.level) == (before, level)
        before = level

"""The packed ring of latest distinct calls gives back what went in, as a plain list of them would."""

from hypothesis import given
from hypothesis import strategies as st

from agentwatch.detect.near import Near, answered, kept, nears, of_tool, same_call

MOST = 4
digests = st.integers(0, 2**64 - 1)
sketches = st.one_of(st.just(b""), st.binary(min_size=64, max_size=64))
whole = st.integers(-(2**40), 2**40).map(float)
numbers = st.lists(whole | st.floats(allow_nan=False) | st.just(float("inf")), max_size=8).map(tuple)
few = st.integers(1, 6)
calls = st.fixed_dictionaries(
    {"tool": few, "call": few, "shape": digests, "result": few, "result_shape": digests, "failed": st.booleans()}
    | {"arguments": sketches, "answer": sketches, "numbers": numbers}
)


def coded(digest):
    return digest.to_bytes(8, "little")


@given(digests, digests, digests, digests, digests, st.booleans(), sketches, sketches, numbers, few, st.integers(-1, 1))
def test_a_packed_call_gives_back_what_it_was_made_of(
    tool, call, shape, result, result_shape, failed, args, answer, nums, same, moved
):
    made = {
        "tool": tool, "call": call, "shape": shape, "result": result, "result_shape": result_shape, "failed": failed,
        "arguments": args, "answer": answer, "numbers": nums, "same": same, "moved": moved,
    }  # fmt: skip
    near = Near.of(**made)
    assert {name: getattr(near, name) for name in made} == made


def test_more_than_a_byte_of_times_counts_as_a_full_one():
    made = Near.of(
        tool=1, call=2, shape=3, result=4, result_shape=5, failed=False, arguments=b"", answer=b"", numbers=(), same=300
    )
    assert made.same == 255


@given(st.lists(calls, max_size=24))
def test_the_ring_is_a_list_of_the_latest_distinct_calls(given_calls):
    ring, plain = b"", []
    for one in given_calls:
        before = [near for near in plain if near.call == one["call"]]
        assert same_call(coded(one["call"]), ring) == (before[0] if before else None)
        near = Near.of(**one)
        plain = [*(old for old in plain if old.call != near.call), near][-MOST:]
        ring = kept(ring, near, MOST)
        assert nears(ring) == plain
        for digest in range(1, 7):
            assert of_tool(coded(digest), ring) == [near for near in plain if near.tool == digest]
            earlier = [near for near in plain[:-1] if near.tool == digest]
            assert of_tool(coded(digest), ring, latest=False) == earlier
            assert answered(coded(digest), ring) == [near for near in plain if near.result == digest]

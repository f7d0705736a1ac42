from hypothesis import given
from hypothesis import strategies as st

from agentwatch.detect.near import Near

digests = st.integers(0, 2**64 - 1)
sketches = st.one_of(st.just(b""), st.binary(min_size=64, max_size=64))
numbers = st.lists(st.floats(allow_nan=False), max_size=32).map(tuple)


@given(digests, digests, digests, digests, digests, st.booleans(), sketches, sketches, numbers)
def test_a_packed_call_gives_back_what_it_was_made_of(
    tool, call, shape, result, result_shape, failed, args, answer, nums
):
    near = Near.of(
        tool=tool,
        call=call,
        shape=shape,
        result=result,
        result_shape=result_shape,
        failed=failed,
        arguments=args,
        answer=answer,
        numbers=nums,
    )
    assert (near.tool, near.call, near.shape, near.result, near.result_shape) == (
        tool,
        call,
        shape,
        result,
        result_shape,
    )
    assert (near.failed, near.arguments, near.answer, near.numbers) == (failed, args, answer, nums)
    assert (near.same, near.moved) == (1, 0)

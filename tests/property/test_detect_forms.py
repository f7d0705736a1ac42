"""Compiled and pure detection stay one over long streams of odd events, with a restart and rings of other sizes."""

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from agentwatch.detect.kernel import kernel_form
from tests.both_forms import play

pytestmark = pytest.mark.skipif(not kernel_form(), reason="there is no compiled form here")


@given(st.integers(0, 1 << 60), st.booleans())
@settings(max_examples=100, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
def test_long_odd_streams_lead_to_the_same(seed: int, rough: bool) -> None:
    play(seed, 80, rough=rough)

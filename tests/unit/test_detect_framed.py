"""An input that comes right after the speaker's own call is what that call brought, whatever frame it is put into."""

import pytest

from agentwatch.detect.bank import Bank
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.testing import Trace, observations
from agentwatch.testing.scenarios import in_form


def kinds(trace, form):
    bank, options, found = Bank(StateOptions()), DetectOptions(), []
    for seen in observations([in_form(event, form) for event in trace.events]):
        found += [one.kind for one in bank.observe(seen, bank.admit(seen.event), options)]
    return found


def looking_in_vain(told, **fields):
    trace = Trace()
    for at in range(9):
        trace.say(f"I look for it in another place, which is number {at}.", told(at), **fields)
        trace.call("grep", {"pattern": f"of_{at * 7919}_kind", "path": f"src/{at * 31}"}, "No matches found")
    return trace


@pytest.mark.parametrize("form", ["text", "digests"])
def test_a_framed_result_is_no_turn_from_outside(form):
    framed = looking_in_vain(lambda at: f"Step {at} of {at**3}: the tool said 'No matches found'. Decide what is next.")
    assert "stagnation" in kinds(framed, form)


@pytest.mark.parametrize("form", ["text", "digests"])
def test_a_human_turn_is_one(form):
    asked = looking_in_vain(lambda at: f"Then look for the {at**5}th kind, too, please.", trigger="human")
    assert kinds(asked, form) == []

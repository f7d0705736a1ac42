"""An event on which the path itself fails is set aside; everything around it is judged as if it were not there."""

import msgspec
import pytest

from agentwatch.records import Level
from agentwatch.testing import Trace


@pytest.fixture
def faulty(line, monkeypatch):
    """A line whose detectors raise on one tool."""
    made = line()
    bank = made.pipeline.parts.bank
    judge = bank.observe

    def observe(seen, scope, options):
        if seen.event.tool == "poison":
            raise ZeroDivisionError("division by zero")
        return judge(seen, scope, options)

    monkeypatch.setattr(bank, "observe", observe)
    return made


def test_a_failure_of_the_path_is_a_dead_letter_and_the_batch_goes_on(faulty):
    trace = Trace()
    for _ in range(12):
        trace.call("search", {"query": "the same"}, "one document about the outlook of the third quarter")
        trace.call("poison", {}, "x")
    commit = faulty.step([msgspec.json.encode(event) for event in trace.events])
    assert len(commit.dead) == 12
    assert len(commit.entries) == 24
    letter = commit.dead[0]
    assert (letter.field, letter.entry) == ("data", commit.entries[1])
    assert "ZeroDivisionError: division by zero" in letter.reason
    assert msgspec.json.decode(letter.original["data"])["tool"] == "poison"
    assert max(decision.level for decision in commit.decisions) > Level.warn

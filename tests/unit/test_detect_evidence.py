"""What a content detector rests on, what speaks against, and what is no evidence at all."""

import random

import pytest
from msgspec.structs import replace

from agentwatch.detect.bank import Bank
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.records import Level
from agentwatch.testing import Trace, observations
from tests.climbs import climb, loop_same, reached, text


def first(trace):
    moves = climb(trace)
    return moves[0] if moves else (None, None)


@pytest.fixture
def draw():
    return random.Random(7)


def test_the_fourth_equal_call_warns_and_names_the_first_repetition(draw):
    trace = Trace()
    trace.call("read", {"path": "a"}, text(draw, 12))
    loop_same(trace, draw)
    at, move = first(trace)
    evidence = move.verdict.lead.evidence
    assert at == 4
    assert move.verdict.lead.kind == "repeat"
    assert (evidence.count, evidence.period, evidence.onset_index, evidence.onset_id) == (3, 1, 2, "run-1/2")
    assert evidence.event_ids == ("run-1/2", "run-1/3", "run-1/4")
    assert len(evidence.digests) == 2


def test_what_was_burned_counts_from_the_first_repetition(draw):
    trace = Trace()
    for _ in range(10):
        trace.say("I shall now write the whole of the document that you wanted from me.")
    *_, (at, move) = climb(trace)
    evidence = move.verdict.lead.evidence
    assert evidence.cost_nusd == at * 10_000_000
    assert evidence.tokens == at * 1000
    assert evidence.model == "gpt-4o"


def test_a_novel_answer_takes_evidence_away_and_a_success_empties_the_soft_part(draw):
    trace = Trace()
    for _ in range(3):
        trace.call("search", {"q": text(draw, 8)}, "error: index is not there", status="error")
        trace.call("search", {"q": text(draw, 8)}, "error: index is not there", status="error")
        trace.call("search", {"q": text(draw, 8)}, text(draw, 20))
    assert climb(trace) == []


def test_a_change_between_two_equal_calls_halves_the_evidence(draw):
    plain, changed = Trace(), Trace()
    for trace, between in ((plain, False), (changed, True)):
        for _ in range(12):
            trace.call("bash", {"command": "pytest"}, "1 failed: test_total expected seven", status="error")
            if between:
                trace.call("edit", {"new": text(draw, 9)}, "file edited")
    assert first(plain)[0] == 3
    assert first(changed)[0] > 8


def test_a_human_turn_empties_what_spoke_for_a_monologue(draw):
    trace = Trace()
    for at in range(12):
        human = {"trigger": "human"} if at % 3 == 2 else {}
        trace.say("I shall now write the whole of the document that you wanted from me.", **human)
    assert climb(trace) == []


@pytest.mark.parametrize("status", ["held", "rate_limited"])
def test_our_own_throttle_and_the_providers_are_no_evidence(status, draw):
    trace = Trace()
    for _ in range(30):
        trace.call("search", {"q": "x"}, "try later", status=status)
    assert climb(trace) == []


def test_own_effects_and_digests_of_another_key_are_no_evidence(draw):
    bank, options = Bank(StateOptions()), DetectOptions()
    trace = Trace()
    loop_same(trace, draw)
    for seen in observations(trace.events):
        mine = replace(seen, own_effect=True)
        assert bank.observe(mine, bank.admit(mine.event, mine.index), options) == []


def test_pingpong_names_the_tree(draw):
    trace = Trace()
    said = ["Please look over the latest draft for me once more.", "It looks fine, please send the latest draft again."]
    for at in range(60):
        trace.send("ab"[1 - at % 2], said[at % 2], agent="ab"[at % 2], run="ab"[at % 2], root_run="a")
    found = [move for _, move in climb(trace) if move.verdict.lead.kind == "pingpong"]
    assert found[0].subject == "default/app/root/a"
    assert found[0].verdict.lead.evidence.period == 2
    assert found[-1].level is Level.kill


def test_a_cycle_tolerates_a_foreign_step_and_tells_its_period(draw):
    steps = [(f"tool{at}", {"part": at}, text(draw, 12)) for at in range(5)]
    trace = Trace()
    for at in range(60):
        trace.call(*steps[at % 5])
        if at == 22:
            trace.call("note", {"t": "x"}, text(draw, 9))
    bank, options = Bank(StateOptions()), DetectOptions()
    found = {}
    for seen in observations(trace.events):
        for signal in bank.observe(seen, bank.admit(seen.event, seen.index), options):
            if signal.kind == "cycle":
                found[seen.index] = signal
    assert {signal.evidence.period for signal in found.values()} == {5}
    assert len(found) > 40
    assert max(found) == 60


def test_order_within_a_step_does_not_matter(draw):
    steps = [(f"tool{at}", {"part": at}, text(draw, 12)) for at in range(4)]
    trace = Trace()
    for step in range(20):
        draw.shuffle(steps)
        for one in steps:
            trace.call(*one, step=step)
    assert reached(trace) is Level.kill

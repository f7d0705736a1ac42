"""The scenarios hold what they promise: the same for a seed, others for another, valid, with a fitting onset."""

import math
from pathlib import Path

import msgspec
import pytest

from agentwatch.ingest.decode import DecodeOptions, DecodeStats, decode
from agentwatch.records import Entry, Event
from agentwatch.testing.scenarios import FORMS, LOOPS, SCENARIOS, TWINS, Played, Scenario, scenario

PAGE = Path(__file__).parents[2] / "docs" / "scenarios.md"
SEEDS = (0, 1, 2, 3)


@pytest.fixture(scope="module")
def played() -> dict[tuple[str, int], Played]:
    return {(one.name, seed): one.make(seed) for one in SCENARIOS for seed in SEEDS}


def test_there_are_enough_and_their_names_differ():
    assert len(LOOPS) >= 24
    assert len(TWINS) >= 16
    assert len({one.name for one in SCENARIOS}) == len(SCENARIOS)


@pytest.mark.parametrize("one", SCENARIOS, ids=lambda one: one.name)
def test_a_seed_makes_the_same_again(one: Scenario, played):
    again = one.make(1)
    assert again == played[one.name, 1]
    assert again.suspects == played[one.name, 1].suspects


@pytest.mark.parametrize("one", SCENARIOS, ids=lambda one: one.name)
def test_another_seed_makes_other_texts_and_times(one: Scenario, played):
    texts = [_texts(played[one.name, seed]) for seed in SEEDS]
    for at, mine in enumerate(texts):
        for other in texts[at + 1 :]:
            assert len(mine & other) <= 0.2 * min(len(mine), len(other)) + 8
    assert len({tuple(event.ts for event in played[one.name, seed].events) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("one", LOOPS, ids=lambda one: one.name)
def test_a_loop_begins_within_its_own_runs_and_goes_on_for_long_enough(one: Scenario, played):
    for seed in SEEDS:
        made = played[one.name, seed]
        assert made.events[made.onset].run in made.suspects
        after = [event for event in made.events[made.onset :] if event.run in made.suspects]
        assert len(after) >= (1 if one.name == "token_chant" else 8)
        assert made.onset > 0


@pytest.mark.parametrize("one", TWINS, ids=lambda one: one.name)
def test_a_twin_has_no_onset(one: Scenario, played):
    assert all(played[one.name, seed].onset == -1 for seed in SEEDS)


def test_every_event_is_read_as_it_was_meant(played):
    for made in played.values():
        for event in made.events:
            stats = DecodeStats()
            read = decode(Entry("0-1", msgspec.json.encode(event)), 0.0, None, DecodeOptions(), stats)
            assert isinstance(read, Event), (made.name, made.seed, read)
            assert read == event
            assert stats.unknown_fields == 0


def test_ids_are_one_for_each_event_unless_it_was_delivered_twice(played):
    for made in played.values():
        if made.name not in ("delivered_twice", "work_delivered_badly"):
            assert len({event.id for event in made.events}) == len(made.events), made.name


def test_events_come_in_order_of_time_unless_the_scenario_is_about_that(played):
    for made in played.values():
        if made.name not in ("clock_skew", "delivered_twice", "delivered_reordered", "work_delivered_badly"):
            times = [event.ts for event in made.events]
            assert times == sorted(times), made.name


def test_money_flows_and_some_logs_have_gaps(played):
    for one in SCENARIOS:
        assert any(event.input_tokens and event.model for seed in SEEDS for event in played[one.name, seed].events)
    states = [all(e.status is None for e in made.events if e.op == "execute_tool") for made in played.values()]
    assert 0.1 < sum(states) / len(states) < 0.7


def test_digests_stand_in_for_all_texts():
    for form in FORMS[1:]:
        made = scenario("cycle_short").make(5, form)
        assert all(e.input is e.output is e.arguments is e.result is None for e in made.events)
        prints = [p for e in made.events if e.fp for p in (e.fp.input, e.fp.output, e.fp.arguments, e.fp.result) if p]
        assert prints
        assert any(p.sketch for p in prints) is (form == "sketch")
    assert scenario("cycle_short").make(5, "sketch").onset == scenario("cycle_short").make(5).onset


def test_the_slow_pace_is_slower():
    for one in (scenario("repeat_exact"), scenario("poll_stable")):
        spans = []
        for pace in ("fast", "slow"):
            gaps = [made.events[-1].ts - made.events[0].ts for made in (one.make(seed, pace=pace) for seed in SEEDS)]
            spans.append(math.fsum(gaps))
        assert spans[1] > 3.0 * spans[0]


def test_bystanders_are_no_suspects(played):
    with_others = [made for made in played.values() if {e.run for e in made.events} - made.suspects]
    assert 0.3 < len(with_others) / len(played) < 0.9


def test_each_is_explained_on_the_page():
    page = PAGE.read_text(encoding="utf-8")
    for one in SCENARIOS:
        assert f"| `{one.name}` | {one.about} |" in page


def _texts(made: Played) -> set[str]:
    found: set[str] = set()
    for event in made.events:
        if event.run in made.suspects:
            found.update(text for text in (event.output, event.arguments, event.result) if text)
    return found

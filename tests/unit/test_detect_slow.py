import random

import pytest

from agentwatch.detect.bank import Bank
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.detect.slow import Slow, SlowOptions
from agentwatch.records import Event, Level
from agentwatch.testing import Bench, Trace, check_detector, observations
from agentwatch.testing.scenarios import in_form
from agentwatch.testing.shapes import prose

HOUR = 3600.0
SENTENCES = (
    *("Revenue grew in the northern region by a tenth.", "Costs stayed within the plan that was made in spring."),
    *("The board asks for a report on staffing until June.", "Two plants are joined and one is sold to a partner."),
    "Currency remains the main concern of the auditors.",
)
ASKED = "Summarise the attached report for the management, please."


def rounds(count, answer, *, document="d1", told=ASKED, every_s=HOUR, cost_usd=0.02, agents=1, one_run=False, **fields):
    """One run an hour (or one run for all), each with the same document; `answer` writes what is made of it."""
    events: list[Event] = []
    for at in range(count):
        trace = Trace(f"summariser-{at % agents}", run="r" if one_run else f"r{at}")
        trace.now, trace.cost_usd = 1_700_000_000.0 + at * every_s, cost_usd
        documents = {"documents": [document]} if document else {}
        trace.say(answer(at), told=told, id=f"e{at}", **documents, **fields)
        events += trace.events
    return events


def reworded(at):
    draw = random.Random(at)
    said = draw.sample(SENTENCES, 4)
    return f"{draw.choice(('In short:', 'Summary:', 'Here it is.'))} {' '.join(said)}"


def fresh(at):
    return f"Report of the day: {prose(at, 30)}"


def equal(_at):
    return " ".join(SENTENCES)


def first(events, **options):
    """Give the place of the first warning, of what may stop it, and all signals."""
    bench = Bench(Slow(SlowOptions(**options)))
    found = [(at, signal) for at, signal in enumerate(bench.feed_all(observations(events))) if signal is not None]
    stops = [at for at, signal in found if (signal.strength - 1) / (signal.kill_at - 1) >= 0.67]
    return (found[0][0] if found else None), (stops[0] if stops else None), [signal for _, signal in found]


@pytest.mark.parametrize("form", ["text", "sketch", "digests"])
@pytest.mark.parametrize("answer", [reworded, equal])
def test_the_same_document_every_hour_is_warned_of_within_six_and_stopped_before_twenty_four(answer, form):
    warned, stopped, signals = first([in_form(event, form) for event in rounds(168, answer)])
    assert warned + 1 <= 6
    assert stopped + 1 < 24
    assert {signal.subject for signal in signals} == {"default/app/agent/summariser-0"}
    assert max(signal.ceiling for signal in signals) >= Level.pause
    assert signals[0].evidence.since == pytest.approx(1_700_000_002.0, abs=1.0)


def test_only_a_dear_and_equal_one_may_be_killed_for():
    cheap = first(rounds(30, equal, cost_usd=0.001))[2]
    dear = first(rounds(30, equal, cost_usd=0.2))[2]
    assert max(signal.ceiling for signal in cheap) is Level.pause
    assert dear[-1].ceiling is Level.kill
    assert dear[-1].strength >= dear[-1].kill_at
    assert dear[-1].evidence.cost_nusd == pytest.approx(29 * 0.2e9, rel=0.1)


@pytest.mark.parametrize(
    "events",
    [
        rounds(40, fresh),
        rounds(40, lambda at: f"{fresh(at)} {SENTENCES[0]}"),
        rounds(40, fresh, document="", trigger="schedule", every_s=24 * HOUR),
        rounds(
            40,
            lambda at: f"Sales today: {at * 37 % 911} orders, {at * 53 % 701} returns, all shops are open.",
            document="",
        ),
        rounds(40, equal, document="", trigger="schedule", cost_usd=0.001),
        rounds(40, equal, trigger="human"),
        rounds(40, equal, every_s=20.0),
        rounds(6, equal, every_s=120.0),
        [event for at in range(40) for event in rounds(1, equal, document=f"d{at}", told=prose(at, 12))],
    ],
    ids=["fresh", "framed", "cron", "figures", "scheduled", "human", "fast", "minutes", "other documents"],
)
def test_what_is_no_slow_loop(events):
    assert first(events)[2] == []


def test_who_does_it_is_named_as_narrowly_as_can_be():
    assert first(rounds(12, equal, one_run=True))[2][-1].subject == "default/app/run/r"
    assert first(rounds(12, equal))[2][-1].subject == "default/app/agent/summariser-0"
    assert first(rounds(12, equal, agents=3))[2][-1].subject == "default/app"


def test_a_fresh_answer_takes_evidence_away_and_enough_of_them_all():
    answers = [equal(0)] * 5 + [fresh(1), fresh(2), fresh(3)] + [equal(0)] * 3
    events = rounds(len(answers), lambda at: answers[at])
    assert first(events[:5])[0] == 4
    assert first(events)[2][1:] == []


def test_a_prompt_alone_warns_and_on_a_schedule_only_once_it_is_dear():
    assert {signal.ceiling for signal in first(rounds(20, equal, document="", cost_usd=0.001))[2]} == {Level.warn}
    signals = first(rounds(20, equal, document="", trigger="schedule", cost_usd=0.3))[2]
    assert signals
    assert {signal.ceiling for signal in signals} == {Level.warn}
    assert signals[0].speaks_against == ("it runs on a schedule",)


def test_it_survives_restarts_and_many_other_documents():
    events: list[Event] = []
    for at, event in enumerate(rounds(12, reworded)):
        events.append(event)
        for other in range(20):
            trace = Trace("reader", run=f"o{at}-{other}")
            trace.now = event.ts + other
            events += trace.say(fresh(at * 100 + other), told=prose(at * 50 + other, 12)).events
    bank, options = Bank(StateOptions()), DetectOptions()
    kinds = []
    for seen in observations(events):
        again = Bank(StateOptions())
        again.restore(list(bank.snapshot()))
        bank = again
        scope = bank.admit(seen.event, seen.index)
        kinds += [signal.kind for signal in bank.observe(seen, scope, options)]
    assert kinds.count("slow") >= 6


def test_memory_is_bounded_and_what_is_dropped_is_counted():
    bench = Bench(Slow(SlowOptions(keys=16, records=4)))
    for day in range(3):
        for at in range(60):
            trace = Trace(run=f"r{day}-{at}")
            trace.now = 1_700_000_000.0 + day * 86400 + at * 600
            trace.say(fresh(at), told=ASKED, documents=[f"d{at % (20 if day else 60)}"])
            bench.feed_all(observations(trace.events))
    hitters = bench.population.apps["default", "app"].hitters
    assert len(hitters.ring) <= 16 * 12
    assert len(hitters.known or {}) <= 4
    assert hitters.dropped


def test_it_keeps_the_contract_on_slow_loops_too():
    shapes = {
        "reworded": lambda: rounds(20, reworded),
        "digests": lambda: [in_form(event, "digests") for event in rounds(20, reworded)],
        "agents": lambda: rounds(20, equal, agents=3),
    }
    check_detector(lambda: Slow(SlowOptions()), shapes)

import random

import pytest

from agentwatch.detect.bank import Bank
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.detect.paraphrase import Paraphrase, ParaphraseOptions
from agentwatch.records import Event, Level
from agentwatch.testing import Bench, Trace, check_detector, observations
from agentwatch.testing.scenarios import in_form

DRAW = random.Random(11)
WORDS = ["".join(DRAW.choice("abcdefghiklmnoprstuvz") for _ in range(DRAW.randrange(3, 9))) for _ in range(3000)]


def text(draw, count):
    return " ".join(draw.choice(WORDS) for _ in range(count))


def edited(draw, whole, share):
    return " ".join(draw.choice(WORDS) if draw.random() < share else word for word in whole.split())


HEAD, FOOT = text(DRAW, 60), text(DRAW, 40)


def templated(payload):
    return f"{HEAD} {payload} {FOOT}"


def innocents(draw, count=40, every=4):
    """Item after item in one template, with new answers, `every` items in a run."""
    events: list[Event] = []
    for run in range(count // every):
        trace = Trace("bot", run=f"past-{run}")
        trace.now += run * 100
        for _ in range(every):
            trace.say(text(draw, 25), told=templated(text(draw, 20)))
        events += trace.events
    return events


def rewordings(draw, count=24, told=templated):
    trace = Trace("bot", run="loop")
    trace.now += 100_000
    payload, answer = text(draw, 20), text(draw, 25)
    for _ in range(count):
        trace.say(edited(draw, answer, 0.05), told=told(edited(draw, payload, 0.12)))
    return trace.events


def signals(events, form="text"):
    bench = Bench(Paraphrase(ParaphraseOptions()))
    return [one for one in bench.feed_all(observations([in_form(event, form) for event in events])) if one is not None]


@pytest.mark.parametrize("form", ["text", "sketch"])
def test_a_reworded_prompt_under_a_known_template_pauses_at_most(form):
    found = signals(innocents(random.Random(1)) + rewordings(random.Random(2)), form)
    assert found
    assert {signal.subject for signal in found} == {"default/app/run/loop"}
    assert {signal.ceiling for signal in found} == {Level.pause}
    assert found[-1].strength > found[0].strength >= 1.0


@pytest.mark.parametrize("form", ["text", "sketch", "digests"])
def test_new_items_in_a_template_are_innocent_whatever_is_answered(form):
    draw = random.Random(3)
    assert signals(innocents(draw, 200), form) == []
    trace, answers = Trace("bot", run="now"), [text(draw, 20) for _ in range(3)]
    trace.now += 100_000
    for at in range(60):
        trace.say(answers[at % 3], told=templated(text(draw, 20)))
    assert signals(innocents(draw) + trace.events, form) == []


def test_before_the_template_is_known_it_warns_at_most():
    found = signals(rewordings(random.Random(5), 40, told=lambda payload: f"{payload} {FOOT}"))
    assert found
    assert {signal.ceiling for signal in found} == {Level.warn}
    assert found[0].speaks_against == ("the template of these prompts is not learnt yet",)


def test_human_rewordings_and_new_answers_are_no_evidence():
    draw = random.Random(6)
    human = [Event(**{**fields(event), "trigger": "human"}) for event in rewordings(draw)]
    assert signals(innocents(draw) + human) == []
    news = [Event(**{**fields(event), "output": text(draw, 25)}) for event in rewordings(draw)]
    assert signals(innocents(draw) + news) == []


def fields(event):
    return {name: getattr(event, name) for name in event.__struct_fields__}


def test_nothing_is_learnt_from_a_loop_or_after_its_warning():
    draw = random.Random(7)
    bench = Bench(Paraphrase(ParaphraseOptions()))
    bench.feed_all(observations(innocents(draw)))
    agent = bench.population.apps["default", "app"].agents["bot"]
    prompts = agent.template.prompts
    assert prompts >= 20
    later = observations(innocents(random.Random(1)) + rewordings(draw, 40))[40:]
    assert any(bench.feed_all(later))
    assert agent.template.frozen
    assert agent.template.prompts <= prompts + 2
    assert any(bench.feed_all(observations(innocents(random.Random(1)) + rewordings(draw, 90))[90:]))


def calls(draw, count, ask, answer):
    trace = Trace()
    for _ in range(count):
        trace.call("web_search", {"query": ask(draw)}, answer(draw))
    return trace.events


def ask_again(draw):
    lead = draw.choice(("find", "search for", "look up", "get", ""))
    tail = draw.choice(("report", "figures", "statistics", "pdf", ""))
    return f"{lead} annual energy use of the city of Uppsala {draw.choice(('2024', 'in 2024'))} {tail}"


HITS = [f"{text(DRAW, 3)}: {text(DRAW, 14)}" for _ in range(7)]


def test_the_same_hits_in_another_order_are_nothing_new():
    found = signals(calls(random.Random(8), 26, ask_again, lambda draw: "\n".join(draw.sample(HITS, 6))))
    assert found
    assert all(signal.ceiling is Level.pause for signal in found)


def test_new_hits_for_like_queries_are_new():
    made = calls(random.Random(9), 60, ask_again, lambda draw: "\n".join(text(draw, 15) for _ in range(6)))
    assert signals(made) == []


def reports(draw, count, message):
    trace = Trace()
    for at in range(count):
        trace.call("report_status", {"state": "done", "message": message(draw, at)}, "Recorded.")
    return trace.events


SAID = [
    f"{one} {two}"
    for one in (
        "All is done.",
        "Nothing is left.",
        "The work is complete.",
        "Finished as asked.",
        "It is all in place.",
    )
    for two in ("The tax report is ready.", "See the tax report.", "tax report done.")
]


@pytest.mark.parametrize("form", ["text", "sketch", "digests"])
def test_an_agent_that_runs_out_of_words_is_warned_of_and_no_more(form):
    found = signals(reports(random.Random(10), 40, lambda draw, _: draw.choice(SAID)), form)
    assert found
    assert {signal.ceiling for signal in found} <= {Level.warn, Level.pause}
    assert found[-1].strength < 1.0 + 0.67 * (found[-1].kill_at - 1.0)  # short of a pause


@pytest.mark.parametrize("form", ["text", "sketch", "digests"])
def test_batches_and_second_passes_are_no_running_out_of_words(form):
    draw = random.Random(12)
    items = [f"Invoice of {text(draw, 3)} is paid, see {text(draw, 2)}." for _ in range(25)]
    assert signals(reports(draw, 25, lambda _, at: items[at]), form) == []
    assert signals(reports(draw, 50, lambda _, at: items[at % 25]), form) == []


def test_memory_of_templates_is_kept_over_a_restart_and_bounded():
    bank, options = Bank(StateOptions()), DetectOptions()
    for seen in observations(innocents(random.Random(13), 400)):
        bank.observe(seen, bank.admit(seen.event, seen.index), options)
    sizes = sum(map(len, bank.snapshot()))
    again = Bank(StateOptions())
    again.restore(list(bank.snapshot()))
    assert b"".join(again.snapshot()) == b"".join(bank.snapshot())
    template = again.population.apps["default", "app"].agents["bot"].template
    assert len(template.counts) + len(template.witnesses) <= 4096 + 512
    assert sizes < 600_000


def test_it_keeps_the_contract_on_rewordings_too():
    shapes = {
        "prompts": lambda: innocents(random.Random(1)) + rewordings(random.Random(2)),
        "hits": lambda: calls(random.Random(8), 20, ask_again, lambda draw: "\n".join(draw.sample(HITS, 6))),
        "words": lambda: reports(random.Random(10), 30, lambda draw, _: draw.choice(SAID)),
    }
    check_detector(lambda: Paraphrase(ParaphraseOptions()), shapes)


@pytest.mark.parametrize("form", ["text", "sketch"])
def test_one_new_hit_of_seven_does_not_make_up_for_all_the_old_ones(form):
    draw = random.Random(8)
    trace, asked = Trace("bot", run="search"), text(draw, 8).split()
    hits = [text(draw, 25) for _ in range(7)]
    for at in range(24):
        page = draw.sample(hits[:7], 6) if at % 4 else [*draw.sample(hits[:7], 5), text(draw, 18)]
        trace.call("search", " ".join(draw.sample(asked, 7)), "\n".join(page))
    bench = Bench(Paraphrase(ParaphraseOptions()))
    found = [one for one in bench.feed_all(observations([in_form(event, form) for event in trace.events])) if one]
    assert found
    assert {signal.ceiling for signal in found} == {Level.pause}


@pytest.mark.parametrize("form", ["text", "sketch"])
def test_pages_that_bring_mostly_new_hits_are_innocent(form):
    draw = random.Random(9)
    trace, asked = Trace("bot", run="search"), text(draw, 8).split()
    for at in range(24):
        page = [text(draw, 25) for _ in range(4)] + ([text(random.Random(1), 25)] if at % 2 else [])
        trace.call("search", " ".join(draw.sample(asked, 7)), "\n".join(page))
    bench = Bench(Paraphrase(ParaphraseOptions()))
    assert not [one for one in bench.feed_all(observations([in_form(event, form) for event in trace.events])) if one]

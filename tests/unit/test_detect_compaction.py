"""Contexts that are compacted in vain, and contexts that grow with nothing new in them."""

import pytest

from agentwatch.detect.compaction import Compaction, CompactionOptions
from agentwatch.detect.context import Context, ContextOptions
from agentwatch.records import Level
from agentwatch.testing import Bench, Trace, check_detector, observations
from agentwatch.testing.scenarios import in_form, scenario
from agentwatch.testing.shapes import prose


def signals(detector, trace):
    return [one for one in Bench(detector).feed_all(observations(trace.events)) if one is not None]


def compacting(times, work, *, before=150_000, after=20_000, **fields):
    """Compact so many times, with `work` new calls between; the chat after each tells what is left."""
    trace = Trace()
    for at in range(times):
        trace.add(op="compact", input_tokens=before, output=f"Summary: {prose(at, 20)}")
        trace.say(prose(at + 100, 12), input_tokens=after, **fields)
        for call in range(work):
            trace.call("read", {"path": f"{prose(at * 50 + call, 2)}"}, prose(at * 50 + call + 9000, 20))
    return trace


def test_compactions_with_no_work_between_warn_at_the_third_and_kill_at_the_fifth():
    found = signals(Compaction(CompactionOptions()), compacting(6, 0))
    assert found[0].evidence.count == 3
    assert next(one.evidence.count for one in found if one.strength >= one.kill_at and one.ceiling is Level.kill) <= 6
    assert found[-1].evidence.tokens > 0


def test_compactions_that_shrink_nothing_count_even_with_some_work():
    assert signals(Compaction(CompactionOptions()), compacting(6, 4, after=148_000))
    assert signals(Compaction(CompactionOptions()), compacting(6, 4)) == []


def test_work_between_them_is_what_they_are_for():
    assert signals(Compaction(CompactionOptions()), compacting(30, 10)) == []
    assert signals(Compaction(CompactionOptions()), compacting(30, 10, after=148_000)) == []


def test_a_human_turn_between_is_work():
    assert signals(Compaction(CompactionOptions()), compacting(12, 0, trigger="human")) == []


def test_one_a_day_with_nobody_there_takes_longer():
    trace = compacting(3, 0)
    for event_at in range(len(trace.events)):
        trace.events[event_at] = type(trace.events[0])(
            **{
                **{name: getattr(trace.events[event_at], name) for name in trace.events[0].__struct_fields__},
                "ts": 1_700_000_000.0 + event_at * 43_200.0,
            }
        )
    assert signals(Compaction(CompactionOptions()), trace) == []


def slices(count, *, grows=3000, tool="read_file", lines=36, span=12):
    """Read overlapping pieces of one text, over and over."""
    text = [prose(at, 10) for at in range(lines)]
    trace = Trace()
    for at in range(count):
        low = (at * 7) % (lines - span)
        trace.say(prose(at + 4000, 8), input_tokens=10_000 + at * grows)
        trace.call(tool, {"path": "app.log", "offset": low}, "\n".join(text[low : low + span]))
    return trace


def test_pieces_of_one_text_in_a_growing_context_warn_and_never_kill():
    found = signals(Context(ContextOptions()), slices(48))
    assert found
    assert "tokens" in " ".join(found[0].speaks_for)
    assert {one.ceiling for one in found} == {Level.pause}


def test_a_context_that_does_not_grow_does_no_harm():
    assert signals(Context(ContextOptions()), slices(48, grows=0)) == []


def test_digests_of_pieces_tell_and_digests_of_whole_texts_do_not():
    trace = slices(64, lines=60, span=20)
    made = trace.events
    trace.events = [in_form(event, "digests") for event in made]
    found = signals(Context(ContextOptions()), trace)
    assert found
    assert {one.ceiling for one in found} == {Level.pause}
    trace.events = [in_form(event, "bare") for event in made]
    assert signals(Context(ContextOptions()), trace) == []


@pytest.mark.parametrize("form", ["text", "digests"])
def test_new_pages_are_news_and_a_page_that_changes_a_little_is_neither(form):
    trace = Trace()
    for at in range(40):
        trace.say("On.", input_tokens=10_000 + at * 3000)
        trace.call(
            "read_file", {"path": "big.txt", "offset": at}, "\n".join(prose(at * 12 + line, 10) for line in range(12))
        )
    trace.events = [in_form(event, form) for event in trace.events]
    assert signals(Context(ContextOptions()), trace) == []
    form = [prose(at, 10) for at in range(20)]
    trace = Trace()
    for at in range(40):
        form[at % 20] = f"{prose(at % 20, 9)} filled in {at}"
        trace.say("On.", input_tokens=10_000 + at * 3000)
        trace.call("fill", {"field": at}, "\n".join(form))
    trace.events = [in_form(event, form) for event in trace.events]
    assert signals(Context(ContextOptions()), trace) == []


@pytest.mark.parametrize("options", [CompactionOptions(), CompactionOptions(warn=2.0, kill=9.0)])
def test_compaction_keeps_the_contract(options):
    names = ("compaction_loop", "compactions_with_work", "repeat_after_compaction")
    check_detector(lambda: Compaction(options), {n: lambda n=n: scenario(n).make(1).events for n in names})


@pytest.mark.parametrize("options", [ContextOptions(), ContextOptions(warn=4.0, kill=9.0, growth=0.0)])
def test_context_keeps_the_contract(options):
    names = ("context_grows", "form_by_screen", "compactions_with_work")
    traces = {n: lambda n=n: scenario(n).make(1).events for n in names}
    traces["digests"] = lambda: scenario("context_grows").make(1, "digests").events
    check_detector(lambda: Context(options), traces)

import json

import pytest

from agentwatch.detect.bank import Bank
from agentwatch.detect.degenerate import Degenerate, DegenerateOptions
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.fingerprint.chant import CAP_CHARS, find_chant
from agentwatch.records import Event, Level
from agentwatch.testing import Bench, Trace, check_detector, observations
from agentwatch.testing.scenarios import in_form
from agentwatch.testing.shapes import prose

OPENING = "I have read the whole record of the case and come to the following conclusion. "


def judged(output: str | None, **options: float):
    trace = Trace().say(output or "", told="Go on.")
    events = [Event(**{**_fields(trace.events[0]), "output": output})]
    return Bench(Degenerate(DegenerateOptions(**options))).feed(observations(events)[0])


def _fields(event: Event) -> dict[str, object]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


@pytest.mark.parametrize(
    "block",
    ["court ", "the court finds that ", "And so the matter rests as it was before us today.\n", "重复的话语一再出现 "],
)
def test_a_chant_to_the_end_may_be_killed_for(block):
    signal = judged(OPENING + block * (6000 // len(block)))
    assert signal.strength >= signal.kill_at == 5.0
    assert signal.ceiling is Level.kill
    assert signal.evidence.count >= 20
    assert "in one answer" in signal.reason


def test_sentences_longer_than_sixteen_words_count_as_chunks_do():
    text = f"{prose(1, 17)} {prose(2, 17)} "
    assert judged(text * 9) is None
    assert judged(text * 24).evidence.count >= 20


def test_a_chant_that_the_model_came_out_of_warns_at_most():
    text = " ".join(prose(seed, 40) for seed in range(20))
    half = len(text) // 2
    signal = judged(f"{text[:half]} {'over and over again ' * 40}{text[half:]}")
    assert signal is not None
    assert signal.ceiling is Level.warn
    assert signal.speaks_against == ("most of the answer is something else",)


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"- look at {prose(seed, 4)} in the records of this year" for seed in range(80)),
        json.dumps([{"source": prose(s, 5), "target": prose(s + 500, 5), "state": "translated"} for s in range(60)]),
        "| name | value | unit | remark |\n" + "| --- | --- | --- | --- |\n" * 2 + "| a | 1 | m | - |\n" * 60,
        f"{OPENING}\n```python\n" + "total = total + value of the next line\n" * 60 + "```\nThat is all.",
        "=" * 400 + OPENING + "-" * 400,
        "━" * 900,
        "0 " * 800,
        json.dumps([[0, 0, 1]] * 200),
        "JTM3JTM2" * 300,
        "No, no, no, no! Never, never, never, never. " + OPENING,
        OPENING * 3,
        "",
        "short",
    ],
    ids=[
        *("list", "translation", "table", "code", "divider", "box", "zeros"),
        *("data", "encoded", "emphasis", "thrice", "empty", "short"),
    ],
)
def test_what_repeats_for_good_reason_is_no_chant(text):
    assert judged(text) is None


def test_digests_alone_say_nothing():
    assert judged(None) is None


def test_only_the_end_of_a_long_text_is_looked_at():
    chant = "over and over again " * 60
    assert find_chant(chant + "".join(chr(0x4E00 + at % 20000) for at in range(CAP_CHARS))) is None
    assert find_chant("x" * 5 * CAP_CHARS + chant) is not None


def test_it_keeps_the_contract_on_chants_too():
    def chants() -> list[Event]:
        trace = Trace()
        for count in (2, 30, 0, 300):
            trace.say(OPENING + "again and again the same words " * count)
        return trace.events

    check_detector(lambda: Degenerate(DegenerateOptions()), {"chants": chants})


@pytest.mark.parametrize("form", ["sketch", "digests"])
def test_a_producer_that_sends_digests_counts_for_itself(form):
    chanting = Trace().say("So be it. " + "the same again and again, " * 60).events
    honest = Trace().say(" ".join(f"the {at}th of {at**3} lines" for at in range(90))).events
    bank, options = Bank(StateOptions()), DetectOptions()
    found = [
        [one.kind for one in bank.observe(seen, bank.admit(seen.event), options)]
        for events in (chanting, honest)
        for seen in observations([in_form(event, form) for event in events])
    ]
    assert found == [["degenerate"], []]

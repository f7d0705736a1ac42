"""The compiled form of detection says and remembers what the pure one does, whatever comes."""

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from agentwatch.detect import familiar
from agentwatch.detect.bank import Bank
from agentwatch.detect.kernel import kernel_form
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.fingerprint import fingerprint_batch
from agentwatch.fingerprint.compiled import compiled_form
from agentwatch.records import Event, Observation, Prints

OPTIONS = DetectOptions()
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)  # which would take minutes with streams like these
SENTENCE = "the mill by the old river grinds what the farmers of nine valleys bring in autumn and in spring"
WORDS = SENTENCE.split()
TEXTS = (
    "",
    "ok",
    "no results",
    "Saved.",
    "still running, 41 % done",
    "error: connection refused",
    "7",
    "answer 12 of 4",
    *(" ".join(WORDS[at:] + WORDS[:at]) for at in range(0, 18, 3)),
    " ".join(WORDS * 4),
)


def some(*values):
    return st.sampled_from(values)


def texts(draw):
    """A text of a few, or one that nobody said before."""
    kind = draw(st.integers(0, 9))
    if kind < 4:
        return draw(some(*TEXTS))
    number = draw(st.integers(0, 10**6))
    words = [f"{word}{(number * (at + 7)) % 9973:x}y" for at, word in enumerate(WORDS[: draw(some(1, 3, 9, 18))])]
    return " ".join(words) + draw(some("", "", f" {number}", f" {number / 7:.2f}", f" {number * 10**9}"))


@st.composite
def events(draw):
    made, now = [], 1000.0
    named = draw(some(("r1", "r2"), ("r1",), ("r1", "r2", "bot")))
    for at in range(draw(st.integers(1, 90))):
        now += draw(some(-3.0, 0.0, 0.0, 0.5, 0.5, 2.0, 70.0, 2000.0, 86400.0))
        op = draw(some("chat", "chat", "execute_tool", "execute_tool", "execute_tool", "message", "compact", "run_end"))
        agent = draw(some("bot", "bot", "bot", "clerk"))
        tool = op == "execute_tool"
        made.append(
            Event(
                id=f"e{at}",
                ts=now,
                tenant="default",
                app="app",
                agent=agent,
                run=draw(some(*named)),
                root_run=draw(some("r1", "r1", "r2")),
                parent_run=draw(some("", "", "", "r2")),
                op=op,
                model=draw(some("", "m1", "m1", "m2")),
                task=draw(some("", "", "t")),
                team=draw(some("", "", "ops")),
                user=draw(some("", "", "", "u1")),
                epoch=draw(some(None, None, None, 3)),
                step=draw(some(None, None, None, at // 2)),
                trigger=draw(some(None, None, None, None, "tool", "agent", "schedule", "human")),
                status=draw(some(None, None, None, "ok", "error", "empty", "held", "rate_limited")),
                error=draw(some(None, None, None, "boom")),
                tool=draw(some("search", "fetch", "écrire")) if tool else "",
                to_agent=draw(some("", "bot", "clerk")) if op == "message" else "",
                input=draw(some(None, texts(draw), texts(draw))) if not tool else None,
                output=draw(some(None, texts(draw), texts(draw))) if not tool else None,
                arguments=draw(some(None, texts(draw), texts(draw), texts(draw))) if tool else None,
                result=draw(some(None, texts(draw), texts(draw), texts(draw))) if tool else None,
                input_tokens=draw(some(None, 0, 100)),
                output_tokens=draw(some(None, 7)),
                documents=draw(some(None, None, None, ["d1"])),
                interval_s=draw(some(None, None, None, None, 60.0)),
            )
        )
    return made


def test_it_runs_where_the_compiled_fingerprints_do():
    assert kernel_form() is compiled_form()


def played(bank, stream, prints, costs, ours):
    """What each event led to, and the state of what it belongs to after it; in the end all state."""
    for index, (event, its, cost, own) in enumerate(zip(stream, prints, costs, ours, strict=True)):
        scope = bank.admit(event, index)
        seen = Observation(index, f"{index}-0", scope.app.clock, event, its, cost, own)
        signals = bank.observe(seen, scope, OPTIONS)
        yield signals, repr(scope.reading), msgspec.msgpack.encode((scope.run, scope.agent, scope.root))
    yield [], "", b"".join(bank.snapshot())


@pytest.mark.skipif(not kernel_form(), reason="there is no compiled form here")
@given(st.data(), events(), st.booleans())
@settings(max_examples=40, deadline=None, phases=WITHOUT_SHRINKING)
def test_the_forms_are_equal_after_each_event(data, stream, sketched):
    prints = fingerprint_batch(stream)
    size = len(stream)
    if not sketched:
        sent = data.draw(st.lists(pieces(), min_size=size, max_size=size))
        prints = [without_sketches(one, its) for one, its in zip(prints, sent, strict=True)]
    costs = data.draw(st.lists(some(None, 0, 12345, 10**15), min_size=size, max_size=size))
    ours = data.draw(st.lists(some(False, False, False, False, True), min_size=size, max_size=size))
    compiled = played(Bank(StateOptions()), stream, prints, costs, ours)
    pure = played(Bank(StateOptions(), pure=True), stream, prints, costs, ours)
    for found, wanted in zip(compiled, pure, strict=True):
        assert found == wanted


@st.composite
def pieces(draw):
    """Those of a slice of one text, in order as a client sends them, or, rarely, in none."""
    first, count = draw(st.integers(0, 40)), draw(some(0, 11, 12, 20, 20, 40, 256))
    made = sorted({at * 977 % 65521 for at in range(first, first + count)})
    return b"".join(at.to_bytes(2, "big") for at in (made if draw(some(True, True, True, False)) else made[::-1]))


def without_sketches(prints, sent):
    """Prints of a producer that sends pieces of long results instead."""
    made = {name: one and replace(one, sketch=b"") for name, one in asdict(prints).items()}
    if made["result"] is not None and sent:
        made["result"] = replace(made["result"], pieces=sent, words=made["result"].words + 20)
    return Prints(**made)


@pytest.mark.skipif(not kernel_form(), reason="there is no compiled form here")
@given(st.binary(max_size=64), some(familiar.ASKED, familiar.ANSWER, familiar.PROMPT, familiar.SAID))
def test_bins_fall_on_the_same_bits(sketch, role):
    assert int.from_bytes(familiar.native.mask(sketch, role), "little") == familiar._bits(sketch, role)


@pytest.mark.skipif(not kernel_form(), reason="there is no compiled form here")
@pytest.mark.parametrize("given", [("text", 1), (b"", 1.0), (b"", 2**70), (b"",)])
def test_bits_are_asked_for_with_a_sketch_and_a_number(given):
    with pytest.raises(TypeError):
        familiar.native.mask(*given)

"""What the content detectors spare: work that only looks like a loop."""

import random

import pytest

from agentwatch.testing import Trace
from tests.climbs import climb, text


@pytest.fixture
def draw():
    return random.Random(7)


def fine_poll(trace, draw):
    for done in range(3, 100, 4):
        trace.call("status", {"job": 1}, f"running, {done} % done", gap_s=5)


def fine_pending(trace, draw):
    for _ in range(40):
        trace.call("status", {"job": 1}, "status: running", gap_s=30)
    trace.call("status", {"job": 1}, "finished, see out.txt")


def fine_five_minutes(trace, draw):
    for _ in range(6):
        trace.call("status", {"job": 1}, "build 7 in stage compile of the release branch", gap_s=300)


def fine_pages(trace, draw):
    for page in range(30):
        trace.call("list", {"page": page}, text(draw, 30))
    trace.call("list", {"page": 31}, "[]")


def fine_batch(trace, draw):
    for at in range(30):
        trace.call("write_file", {"path": f"src/file{at}.py", "text": text(draw, 6)}, "ok")


def fine_removals(trace, draw):
    for at in range(30):
        trace.call("bash", f"rm -f build/{text(draw, 1)}_{at}.o", "")


def fine_two_passes(trace, draw):
    files = [(text(draw, 1), text(draw, 20)) for _ in range(20)]
    for name, content in files * 2:
        trace.call("read", {"path": name}, content)


def fine_edit_and_test(trace, draw):
    for at in range(12):
        trace.call("edit", {"new": text(draw, 12)}, "ok")
        trace.call("bash", "pytest", f"{text(draw, 9)} Error: {text(draw, 6)}\n{30 - at} failed", status="error")


def fine_retry(trace, draw):
    for at in range(3):
        trace.call("fetch", {"u": "x"}, "Error 503 service unavailable", status="error", gap_s=2**at)
    trace.call("fetch", {"u": "x"}, text(draw, 30))


def fine_anchor(trace, draw):
    plan = text(draw, 40)
    for _ in range(8):
        trace.call("read", {"path": "PLAN.md"}, plan)
        for _ in range(2):
            trace.call("read", {"path": text(draw, 1)}, text(draw, 30))


def fine_parallel(trace, draw):
    for step in range(6):
        query, answer = text(draw, 4), text(draw, 20)
        for _ in range(6):
            trace.call("search", {"q": query}, answer, step=step)


def fine_orchestrator(trace, draw):
    for _ in range(25):
        trace.say("Next speaker WebSurfer", text(draw, 20), agent="orchestrator")
        trace.say("I did " + text(draw, 30), "Next speaker WebSurfer", agent="surfer")
        trace.say("Ledger: not yet satisfied because " + text(draw, 20), "go on", agent="orchestrator")


def fine_form(trace, draw):
    for at in range(25):
        trace.call("click", {"row": at}, "clicked")
        trace.call("type", {"text": text(draw, 2)}, "typed")
        trace.call("press", {"key": "Tab"}, "ok")


def fine_wizard(trace, draw):
    for _ in range(15):
        trace.call("type", {"id": draw.randrange(40), "text": text(draw, 2)}, "Typed text into element")
        trace.call("click", {"id": 42}, "Clicked element 42")


def fine_build(trace, draw):
    for at in range(20):
        trace.call("bash", "make -j4 2>&1 | tail -40", f"[{at}/400] " + text(draw, 40), gap_s=20)


def fine_people(trace, draw):
    for _ in range(20):
        trace.say("Thank you, could you give me your order number so that I can look it up?", text(draw, 10))


def fine_classifier(trace, draw):
    for _ in range(60):
        trace.say(draw.choice(["positive", "negative"]), "Classify this review in one word: " + text(draw, 30))


def fine_reviewer(trace, draw):
    for _ in range(30):
        trace.say("No issues were found in this file, it follows the guidelines.", "Review: " + text(draw, 60))


def fine_lookups(trace, draw):
    for _ in range(25):
        trace.call("exists", {"name": text(draw, 2)}, "true")


def fine_heartbeat(trace, draw):
    for _ in range(6):
        trace.say("HEARTBEAT_OK", "Follow HEARTBEAT.md; if nothing needs attention, say so.", gap_s=1800)


def fine_keys(trace, draw):
    for _ in range(4):
        trace.call("press", {"key": "Down"}, "ok")
        trace.call("press", {"key": "Space"}, "ok")


def fine_parallel_without_numbers(trace, draw):
    for _ in range(6):
        trace.say("I will search for it in several ways: " + text(draw, 9))
        query, answer = text(draw, 4), text(draw, 20)
        for _ in range(5):
            trace.call("search", {"q": query}, answer, gap_s=0.001)


def fine_critic(trace, draw):
    for _ in range(12):
        trace.say("Here is the next section: " + text(draw, 40), agent="writer")
        trace.say("Looks good, please continue with the next section of it.", agent="critic")


FINE = {name.removeprefix("fine_"): make for name, make in list(globals().items()) if name.startswith("fine_")}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", sorted(FINE))
def test_what_only_looks_like_a_loop_is_left_alone(shape, seed):
    trace = Trace()
    FINE[shape](trace, random.Random(f"{shape}/{seed}"))
    assert [(at, move.verdict.lead.reason) for at, move in climb(trace)] == []

"""What the content detectors find, through the bank, the verdict and the ladder together."""

import random

import pytest

from agentwatch.records import Level
from agentwatch.testing import Trace
from tests.climbs import loop_same, reached, text


@pytest.fixture
def draw():
    return random.Random(7)


def loop_failing(trace, draw):
    for _ in range(30):
        trace.call("shell", {"command": "make all"}, "make: no rule to make target all. stop", status="error")


def loop_error_only(trace, draw):
    for _ in range(30):
        trace.call("shell", {"command": "make all"}, None, status="error", error="no rule to make target")


def loop_wording(trace, draw):
    for _ in range(30):
        token = f"{draw.randrange(1 << 32):08x}"
        answer = f"error: the package could not be loaded from the registry, access was refused (request {token})"
        trace.call("install", {"package": "left"}, answer, status="error")


def loop_round(trace, draw, period=2):
    steps = [(f"tool{at % 3}", {"part": text(draw, 2)}, text(draw, 12)) for at in range(period)]
    for at in range(period * 14):
        trace.call(*steps[at % period])


def loop_counting(trace, draw):
    for page in range(40):
        trace.call("fetch", {"page": page}, "", status="empty")


def loop_counting_failed(trace, draw):
    for page in range(40):
        trace.call("fetch", {"id": page + 100}, "error: connection refused by the upstream host", status="error")


def loop_monologue(trace, draw):
    for _ in range(20):
        trace.say("Let me write the design document now, beginning with the introduction and the architecture.")


def loop_heartbeats(trace, draw):
    answer = text(draw, 20)
    for at in range(30):
        if at % 3 == 0:
            trace.add(op="heartbeat").say("checking", "HEARTBEAT: look after your tasks")
        trace.call("check", {}, answer)


def loop_spin(trace, draw):
    for _ in range(60):
        trace.call("status", {"job": 1}, "still running", gap_s=0.2)


KILLED = {
    "same": loop_same,
    "failing": loop_failing,
    "error only": loop_error_only,
    "wording": loop_wording,
    "round of two": loop_round,
    "round of seven": lambda trace, draw: loop_round(trace, draw, 7),
    "round of twenty": lambda trace, draw: loop_round(trace, draw, 20),
    "counting": loop_counting,
    "counting, failed": loop_counting_failed,
    "monologue": loop_monologue,
    "heartbeats between": loop_heartbeats,
    "spin": loop_spin,
}


@pytest.mark.parametrize("shape", sorted(KILLED))
def test_hard_evidence_reaches_kill(shape, draw):
    trace = Trace(gap_s=0.4)
    KILLED[shape](trace, draw)
    assert reached(trace) is Level.kill


def soft_rewording(trace, draw):
    base = text(draw, 8).split()
    for _ in range(30):
        words = list(base)
        words[draw.randrange(8)] = text(draw, 1)
        trace.call("search", {"q": " ".join(words)}, "No results found")


def soft_wandering(trace, draw):
    for _ in range(30):
        trace.call("search", {"q": text(draw, 6)}, "No results found")


def soft_unlogged(trace, draw):
    for _ in range(30):
        trace.call("write", {"uri": "wrap://file-system", "method": "writeFile", "mode": "text", "at": "end"}, None)


def soft_reworded_monologue(trace, draw):
    base = text(draw, 30).split()
    for _ in range(20):
        words = list(base)
        words[draw.randrange(30)] = text(draw, 1)
        trace.say(" ".join(words))


def soft_edit_same_error(trace, draw):
    for _ in range(8):
        trace.call("edit", {"new": text(draw, 12)}, "file edited")
        trace.call("bash", {"command": "pytest"}, "assert total(3) equals seven, test_total failed", status="error")


def soft_slow_monologue(trace, draw):
    for _ in range(30):
        trace.say("I will go on with the document now and write the next section of it.", "go on", gap_s=120)


def soft_slow_poll(trace, draw):
    for _ in range(40):
        trace.call("status", {"job": 1}, "build 7 in stage compile of the release branch", gap_s=300)


def soft_acknowledged_round(trace, draw):
    writes = [("write", {"path": text(draw, 1), "text": text(draw, 9)}, "ok") for _ in range(3)]
    for _ in range(15):
        for write in writes:
            trace.call(*write)


SOFT = {
    "slow monologue": soft_slow_monologue,
    "slow poll": soft_slow_poll,
    "acknowledged round": soft_acknowledged_round,
    "rewording": soft_rewording,
    "wandering": soft_wandering,
    "unlogged": soft_unlogged,
    "reworded monologue": soft_reworded_monologue,
    "edits, same error": soft_edit_same_error,
}


@pytest.mark.parametrize("shape", sorted(SOFT))
def test_soft_evidence_warns_and_never_kills(shape, draw):
    trace = Trace()
    SOFT[shape](trace, draw)
    assert Level.warn <= reached(trace) <= Level.pause

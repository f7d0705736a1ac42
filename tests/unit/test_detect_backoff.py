"""Ever longer pauses, and a service that is busy, speak against a loop."""

import pytest

from agentwatch.detect.backoff import is_busy
from agentwatch.detect.bank import Bank
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.testing import Trace, observations

BUSY = ("fetch", {"url": "https://api.example.com/items/all"}, "error: overloaded, try again later")
BROKEN = ("fetch", {"url": "https://api.example.com/items/all"}, "error: the schema of the answer is unknown")


def warned(call, pauses, error):
    trace = Trace()
    for pause in pauses:
        trace.call(*call, status="error", error=error, gap_s=pause)
    bank, options = Bank(StateOptions()), DetectOptions()
    kinds = []
    for seen in observations(trace.events):
        kinds += [one.kind for one in bank.observe(seen, bank.admit(seen.event), options)]
    return kinds


def test_a_back_off_is_patience():
    assert warned(BROKEN, [2, 2.2, 4.1, 8.3, 15.0, 34.0, 61.0, 130.0], "E1") == []
    assert warned(BUSY, [1, 3, 4, 3.5, 9, 20, 38, 80, 150, 300, 290], "529") == []


def test_the_same_pause_again_and_again_is_none():
    assert "failure" in warned(BROKEN, [2.5] * 6, "E1")


def test_a_busy_service_that_is_not_left_in_peace_is_found_later():
    assert warned(BUSY, [2.5] * 5, "503") == []
    assert "failure" in warned(BUSY, [2.5] * 10, "503")


@pytest.mark.parametrize(
    "error", ["529", "HTTP 503: try later", "RateLimitError: rate limit reached", "overloaded_error"]
)
def test_errors_that_say_busy(error):
    assert is_busy(error)


@pytest.mark.parametrize("error", ["", "exit status 1", "404 not found", "timeout of 5030 ms"])
def test_errors_that_do_not(error):
    assert not is_busy(error)


def test_a_back_off_that_came_to_its_longest_pause_is_patience_still():
    answer = "the export of the March ledger is not there, ask again in a while, please"
    trace = Trace()
    for pause in [2, 4, 8, 16, 32, 64, 128, *[300, 310, 290] * 4]:
        trace.call(*BUSY[:2], answer, gap_s=pause)
    bank, options = Bank(StateOptions()), DetectOptions()
    assert not [bank.observe(seen, bank.admit(seen.event), options) for seen in observations(trace.events)][-1]

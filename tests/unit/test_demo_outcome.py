"""What the demo calls wrong: a loop that lives, and an innocent agent that was touched at all."""

import pytest

from agentwatch.demo.outcome import Outcome, wrong


def outcome(*, looping: bool, stopped: bool, level: str) -> Outcome:
    return Outcome(
        name="one",
        behaviour="",
        looping=looping,
        stopped=stopped,
        finished=not stopped,
        detector="",
        level=level,
        steps_to_stop=None,
        seconds_to_stop=None,
        steps=1,
        cost_usd=0.0,
        saved_usd=0.0,
    )


@pytest.mark.parametrize("level", ["throttle", "pause", "kill"])
def test_an_innocent_agent_must_not_be_touched(level: str) -> None:
    assert wrong([outcome(looping=False, stopped=False, level=level)]) == ["one"]


def test_a_loop_that_is_only_held_was_not_stopped() -> None:
    assert wrong([outcome(looping=True, stopped=False, level="pause")]) == ["one"]


@pytest.mark.parametrize(("looping", "stopped", "level"), [(True, True, "kill"), (False, False, "warn")])
def test_what_each_deserves_is_right(looping: bool, stopped: bool, level: str) -> None:
    assert wrong([outcome(looping=looping, stopped=stopped, level=level)]) == []

"""Events that are foretold are placed where they would have been without: what is gone meanwhile is looked up anew."""

import sys

import pytest

from agentwatch.detect.bank import Bank
from agentwatch.detect.kernel import form, kernel_form
from agentwatch.detect.options import StateOptions
from agentwatch.detect.reading import NOTHING
from agentwatch.records import Event, Prints

SWEEP_S = StateOptions().sweep_s
IDLE_S = StateOptions().run_idle_s


def event(at: int, ts: float, run: str = "r1", **fields: object) -> Event:
    named = {"tenant": "default", "app": "app", "agent": "bot", "run": run, "root_run": run, "op": "chat"}
    return Event(id=f"e{at}", ts=ts, **{**named, **fields})


@pytest.mark.parametrize("pure", [False, True])
def test_a_run_that_was_forgotten_before_its_turn_begins_anew(pure: bool) -> None:
    bank = Bank(StateOptions(), pure=pure)
    known = bank.admit(event(0, 1000.0, root_run="top")).run
    later = 1000.0 + IDLE_S + SWEEP_S
    coming = [event(1, later, run="r2", root_run="top"), event(2, later, root_run="top")]
    bank.foresee(coming, [Prints()] * len(coming))
    bank.admit(coming[0])  # the app's clock goes on so far that what was idle is forgotten
    scope = bank.admit(coming[1])
    assert scope.opened
    assert scope.run is not known
    assert bank.population.apps["default", "app"].runs["r1"] is scope.run


@pytest.mark.parametrize("pure", [False, True])
def test_another_event_than_was_foretold_is_placed_as_well(pure: bool) -> None:
    bank = Bank(StateOptions(), pure=pure)
    runs = {name: bank.admit(event(at, 1000.0, run=name)).run for at, name in enumerate(("r1", "r2"))}
    coming = [event(10, 1001.0), event(11, 1002.0)]
    bank.foresee(coming, [Prints()] * len(coming))
    assert bank.admit(event(12, 1001.0, run="r2")).run is runs["r2"]
    assert [bank.admit(one).run for one in coming] == [runs["r1"]] * 2
    bank.foresee(coming, [Prints()] * len(coming))
    assert bank.admit(coming[0]).duplicate


@pytest.mark.skipif(not kernel_form(), reason="there is no compiled form here")
def test_nothing_is_held_that_had_its_turn() -> None:
    bank = Bank(StateOptions())
    run = bank.admit(event(0, 1000.0)).run
    before = sys.getrefcount(run)
    coming = [event(at, 1000.0 + at) for at in range(1, 40)]
    held = sys.getrefcount(coming)
    bank.foresee(coming, [Prints()] * len(coming))
    assert sys.getrefcount(run) > before
    for one in coming:
        bank.admit(one)
    assert sys.getrefcount(run) == before
    assert sys.getrefcount(coming) == held
    bank.foresee(coming, [Prints()] * len(coming))
    del bank
    assert sys.getrefcount(coming) == held


@pytest.mark.skipif(not kernel_form(), reason="there is no compiled form here")
def test_only_events_with_their_prints_are_foretold_and_only_bounds_are_taken() -> None:
    places = form().places({}, (60.0, 60.0, 8, 60.0), NOTHING)
    for events, prints in (((event(0, 1.0),), [Prints()]), ([event(0, 1.0)], []), ([], None)):
        with pytest.raises(TypeError):
            places.foresee(events, prints)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        places.foresee([])  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        form().places({}, (60.0, 60.0), NOTHING)  # type: ignore[arg-type]
    places.foresee([event(0, 1.0), "no event"], [None, Prints()])  # type: ignore[list-item]
    assert places.place(event(0, 1.0), 0) is None

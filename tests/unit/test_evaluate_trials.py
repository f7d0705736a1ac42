"""Replays under changed conditions: what a part is worth, and thresholds fitted without a source."""

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from agentwatch.config import Config
from agentwatch.errors import BadInput
from agentwatch.evaluate import Label
from agentwatch.evaluate.ablation import ablate, ablation_table
from agentwatch.evaluate.fitting import GRID, Strengths, fit
from agentwatch.evaluate.leaving import leave_out, leaving_tables
from agentwatch.evaluate.recording import Heard, record
from agentwatch.evaluate.trials import Conditions, Material, Trials, rulebook_of, scales
from agentwatch.service.composing import make_rulebook
from agentwatch.testing import LOOK_ALIKES, LOOPS

CONFIG = Config()
MADE = {
    "repeat": LOOPS["exact_repeat"](),
    "cycle": LOOPS["cycle"](),
    "monologue": LOOPS["monologue"](),
    "pages": LOOK_ALIKES["pagination"](),
    "retry": LOOK_ALIKES["retry_then_success"](),
}
LOOPING = ("repeat", "cycle", "monologue")
LABELS = [
    Label(
        run=name,
        source="one" if name in ("repeat", "pages") else "two",
        loop=name in LOOPING,
        onset=1 if name in LOOPING else -1,
    )
    for name in MADE
]
LINES = [
    (at, msgspec.json.encode(event))
    for at, event in enumerate(
        (
            replace(event, id=f"{name}-{n}", app=name, run=name, root_run=name)
            for name, events in MADE.items()
            for n, event in enumerate(events)
        ),
        1,
    )
]
MATERIAL = Material(CONFIG, {}, LINES)


@pytest.fixture(scope="module")
def recording():
    return record(CONFIG, make_rulebook(CONFIG, {}), LINES, probe=True)


def test_conditions_are_laid_over_every_rule_and_its_own_thresholds():
    policy = b"""version = 1
[[rules]]
name = "mine"
match = { agent = "a*" }
[rules.detectors.repeat]
warn = 6.0
"""
    conditions = Conditions(off=("rate",), scale=(("cycle", 0.5), ("repeat", 2.0)))
    book = rulebook_of(CONFIG, {"mine.toml": policy}, conditions)
    mine, usual = book.get("mine").detect, book.get("default").detect
    assert (mine.repeat.warn, usual.repeat.warn) == (12.0, 2.0 * CONFIG.detectors.repeat.warn)
    assert (mine.cycle.warn_rounds, mine.cycle.warn_steps) == (2, 3)
    assert not mine.rate.enabled
    assert mine.failure == CONFIG.detectors.failure


def test_a_factor_of_one_is_no_condition():
    assert scales({"repeat": 1.0}) == Conditions()
    assert scales({"repeat": 1.5, "cycle": 1.0}) == Conditions(scale=(("repeat", 1.5),))


def test_a_trial_without_conditions_says_what_a_replay_says(recording):
    rises = [
        {name: change[name] for name in ("index", "change", "level", "kind")}
        for change in recording.changes
        if change["change"] == "up"
    ]
    with Trials(MATERIAL, processes=1) as trials:
        assert trials.run([Conditions(), Conditions()]) == [rises, rises]
        assert trials.made == 1


def test_without_a_detector_the_loops_that_it_alone_finds_are_lost(recording):
    with Trials(MATERIAL, processes=1) as trials:
        ablation = ablate(trials, recording.placed, LABELS)
    parts = {part.name: part for part in ablation.parts}
    assert ablation.whole.found == 3
    assert parts["monologue"].lost == ("monologue",)
    assert parts["rate"].lost == ()
    assert parts["success"].accused == ("retry",)
    row = next(row for row in ablation_table(ablation).rows if row[0] == "monologue")
    assert row[1:4] == ("detector", "2", "1")


def test_a_source_left_out_is_scored_by_thresholds_of_the_others(recording):
    with Trials(MATERIAL, processes=1) as trials:
        left = leave_out(trials, recording.placed, LABELS, recording.heard, ["all", "t*"])
    assert [fold.source for fold in left.folds] == ["one", "two", "t*"]
    assert [(fold.fitted.loops, fold.fitted.benign) for fold in left.folds] == [(1, 1), (2, 1), (2, 1)]
    assert (left.together.loops, left.together.benign) == (3, 2)
    assert left.shipped.found == 3
    (table,) = leaving_tables(left)
    assert [row[0] for row in table.rows] == ["one", "two", "t*", "together"]


def test_what_fits_no_source_or_all_of_them_is_refused(recording):
    with Trials(MATERIAL, processes=1) as trials:
        for name in ("three", "*"):
            with pytest.raises(BadInput, match="--leave-out"):
                leave_out(trials, recording.placed, LABELS, recording.heard, [name])


def heard(*strengths, kind="repeat"):
    return [Heard(at, kind, strength, 3.0, "", ()) for at, strength in enumerate(strengths)]


def fitted(labels, said):
    return fit(Strengths(labels, said), np.ones(len(labels), dtype=bool))


def test_fitting_lowers_a_warning_as_far_as_one_benign_run_in_a_hundred_is_warned():
    labels = [Label(run="loop", loop=True, onset=2)]
    said = {"loop": heard(0.2, 0.4, 0.75)}
    labels += [Label(run=f"b{at}", loop=False) for at in range(100)]
    assert fitted(labels, said) == {"repeat": 0.7}
    said |= {f"b{at}": heard(0.72) for at in range(2)}
    assert fitted(labels, said) == {}  # two of a hundred would be warned with it
    del said["b1"]
    assert fitted(labels, said) == {"repeat": 0.7}


def test_fitting_raises_a_warning_where_too_many_benign_runs_are_warned():
    labels = [Label(run="loop", loop=True, onset=0), *(Label(run=f"b{at}", loop=False) for at in range(50))]
    said = {"loop": heard(1.4), "b0": heard(1.2)}
    assert fitted(labels, said) == {"repeat": 1.3}
    assert 1.3 in GRID


def test_a_loop_that_was_accused_too_early_is_found_only_where_its_evidence_grows():
    labels = [Label(run="loop", loop=True, onset=3)]
    for last, found in ((1.5, False), (1.7, True)):  # a throttle comes at 1 + .34 * 2
        guess = Strengths(labels, {"loop": heard(1.0, 1.1, 1.2, last)}).guess({})
        assert (bool(guess.early[0]), bool(guess.found[0])) == (True, found)

import pytest

from agentwatch.errors import BadInput
from agentwatch.evaluate import Label, Moment, Moments, evaluate, place, report_tables, to_markdown, to_text


def up(index, level="warn", kind="repeat", change="up"):
    return {"index": index, "run": "?", "change": change, "level": level, "kind": kind, "reason": "because"}


LABELS = [
    Label(run="a", source="InterCode-bash", loop=True, onset=4, shape="repeat"),
    Label(run="b", source="tau", loop=True, onset=4, shape="cycle", reason="A B A B"),
    Label(run="c", source="tau", loop=False),
    Label(run="d", source="tau", loop=False),
]
# Ten events a run, one run after the other.
PLACED = [(run, at) for run in "abcd" for at in range(10)]


def test_a_rise_at_or_after_onset_less_one_finds_the_loop():
    for position, found, early in ((2, 0, 1), (3, 1, 0), (4, 1, 0), (9, 1, 0)):
        report = evaluate([up(position)], PLACED, LABELS)
        assert (report.warn.found, report.warn.early, report.warn.false_alarms) == (found, early, early)


def test_an_early_rise_is_a_false_alarm_also_on_a_loop_that_is_found_later():
    report = evaluate([up(1), up(6, "pause")], PLACED, LABELS)
    assert (report.warn.found, report.warn.early, report.warn.false_alarms) == (1, 1, 1)
    assert report.warn.precision == 0.5
    assert report.warn.recall == 0.5
    assert [miss.what for miss in report.wrong if miss.at == "warn"] == ["early", "missed"]


def test_delay_counts_events_of_the_run_after_the_onset_and_never_below_zero():
    report = evaluate([up(3), up(18)], PLACED, LABELS)
    assert report.warn.found == 2
    assert report.warn.delay_median == 2.0
    assert report.warn.delay_p90 == 4.0
    assert report.warn.f1 == 1.0


def test_levels_are_scored_apart_and_falls_are_no_rises():
    changes = [up(5), up(6, "throttle"), up(7, "kill"), up(8, "warn", change="down"), up(25), up(36, "kill")]
    report = evaluate(changes, PLACED, LABELS)
    assert (report.benign_warned, report.benign_killed) == (2, 1)
    assert (report.warn.found, report.warn.false_alarms) == (1, 2)
    assert (report.kill.found, report.kill.false_alarms) == (1, 1)
    assert report.kill.delay_median == 3.0


def test_groups_keep_intercode_and_the_rest_apart():
    report = evaluate([up(5), up(25)], PLACED, LABELS)
    assert set(report.groups) == {
        "set:intercode", "set:other", "source:InterCode-bash", "source:tau", "shape:repeat", "shape:cycle",
        "detector:repeat",
    }  # fmt: skip
    assert report.groups["set:intercode"]["warn"].recall == 1.0
    assert report.groups["set:other"]["warn"].recall == 0.0
    assert report.groups["set:other"]["warn"].false_alarms == 1


def test_wrong_runs_are_named_with_what_went_wrong():
    report = evaluate([up(5), up(25, kind="failure")], PLACED, LABELS)
    at_warn = {(miss.what, miss.run): miss for miss in report.wrong if miss.at == "warn"}
    assert set(at_warn) == {("missed", "b"), ("false_alarm", "c")}
    assert at_warn["missed", "b"].reason == "A B A B"
    assert at_warn["false_alarm", "c"].kind == "failure"
    shown = to_text(report_tables(report))
    assert "warn missed: b never, onset 4 cycle: A B A B" in shown
    assert "warn false_alarm: c at 5 failure: because" in shown
    assert shown.splitlines()[2].split()[:5] == ["all", "warn", "2", "1", "0.500"]


def test_runs_without_a_label_are_named_and_left_out():
    report = evaluate([up(5), up(35)], PLACED, LABELS[:3])
    assert (report.unlabelled, report.unlabelled_runs) == (1, ("d",))
    assert report.warn.false_alarms == 0


def test_labelled_runs_without_events_are_named_and_left_out():
    report = evaluate([up(5)], [*PLACED[:20], ("", -1)], LABELS)
    assert report.missing == ("c", "d")
    assert (report.runs, report.events, report.warn.loops, report.warn.benign) == (2, 20, 2, 0)
    assert report.unlabelled == 0
    assert "2 labelled runs are not in the events and are left out: c, d" in to_text(report_tables(report))


def test_a_loop_whose_onset_is_beyond_its_events_is_named():
    assert evaluate([], PLACED[:4], LABELS[:1]).short == ("a",)
    assert evaluate([], PLACED[:5], LABELS[:1]).short == ()


def test_delays_are_told_in_seconds_and_in_dollars_that_are_known():
    moments = [Moment(100.0 + 2.0 * at, 10**9 if at < 10 else None) for at in range(len(PLACED))]
    report = evaluate([up(6), up(17)], PLACED, LABELS, moments=Moments.given(PLACED, moments))
    assert report.groups["source:InterCode-bash"]["warn"].delay_s_median == 4.0
    assert report.groups["source:InterCode-bash"]["warn"].delay_usd_median == 3.0
    assert report.groups["source:tau"]["warn"].delay_s_median == 6.0
    assert report.groups["source:tau"]["warn"].delay_usd_median is None


def test_a_detector_is_scored_by_what_it_was_first_to_say():
    report = evaluate([up(5), up(6, "pause", "cycle"), up(25, kind="cycle")], PLACED, LABELS)
    assert report.groups["detector:repeat"]["warn"].recall == 0.5
    assert report.groups["detector:repeat"]["warn"].precision == 1.0
    assert report.groups["detector:cycle"]["warn"].false_alarms == 1
    assert report.groups["detector:cycle"]["pause"].found == 1


def test_nothing_found_and_nothing_labelled_give_zeros():
    report = evaluate([], [], [])
    assert (report.warn.precision, report.warn.recall, report.warn.f1, report.warn.delay_median) == (
        0.0,
        0.0,
        0.0,
        None,
    )
    assert report.to_dict()["warn"]["loops"] == 0
    assert to_text(report_tables(report))


def test_an_index_beyond_the_events_is_refused():
    with pytest.raises(BadInput, match="beyond"):
        evaluate([up(99)], PLACED, LABELS)


def test_positions_count_within_each_run_however_they_interleave():
    assert place("abbab") == [("a", 0), ("b", 0), ("b", 1), ("a", 1), ("b", 2)]


def test_tables_of_markdown_hold_names_that_look_like_markup():
    labels = [Label(run="a", source="x|y<z>", loop=True, onset=4)]
    shown = to_markdown(report_tables(evaluate([up(5)], PLACED[:10], labels)))
    assert "| x\\|y&lt;z> | warn | 1 | 1 |" in shown
    assert shown.startswith("### At each level\n\n| group | at |")

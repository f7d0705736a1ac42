"""The floor under the figures: what is worse is named, what is better is kept, other runs are refused."""

import pytest
from msgspec.structs import replace

from agentwatch.errors import BadInput
from agentwatch.evaluate import Label, evaluate, place
from agentwatch.evaluate.floor import Floor, below, decode_floor, encode_floor, raised

LABELS = [
    Label(run="a", source="intercode-bash", loop=True, onset=4),
    Label(run="b", source="tau", loop=True, onset=4),
    Label(run="c", source="tau", loop=False),
]
PLACED = place(run for run in "abc" for _ in range(10))


def report(*indexes, level="warn"):
    changes = [{"index": at, "change": "up", "level": level, "kind": "repeat", "reason": ""} for at in indexes]
    return evaluate(changes, PLACED, LABELS)


def test_a_floor_is_what_a_report_says():
    floor = Floor.of(report(5, 16, 17, 25))
    assert (floor.found_warn, floor.found_intercode, floor.found_other, floor.found_kill) == (2, 1, 1, 0)
    assert (floor.early, floor.benign_warned, floor.benign_killed, floor.delay_median) == (0, 1, 0, 1.5)
    assert decode_floor(encode_floor(floor), "floor") == floor


def test_what_is_worse_is_named_and_what_is_better_is_not():
    floor = Floor.of(report(5, 15))
    assert below(report(5, 15), floor) == []
    assert below(report(4, 15, level="kill"), floor) == []
    assert below(report(15), floor) == ["found_warn is 1, the floor is 2", "found_intercode is 0, the floor is 1"]
    assert below(report(5, 15, 25), floor) == ["benign_warned is 1, the floor allows 0"]
    assert below(report(5, 18), floor) == ["delay_median is 2.5, the floor allows 1"]
    assert "early is 1, the floor allows 0" in below(report(0, 5, 15), floor)


def test_a_floor_rises_figure_by_figure_and_never_sinks():
    floor = Floor.of(report(5, 25))
    assert raised(report(15, 15), floor) == replace(floor, found_other=1, benign_warned=0)
    assert raised(report(), floor) == replace(floor, benign_warned=0)
    assert raised(report(4, 14), Floor.of(report(5, 15))).delay_median == 0.0
    assert raised(report(14), Floor.of(report(5, 15))).delay_median == 1.0  # sooner, but one was missed
    assert raised(report(5), Floor.of(report())).delay_median == 1.0
    assert raised(report(5), None) == Floor.of(report(5))


def test_other_runs_and_what_is_no_floor_are_refused():
    other = replace(Floor.of(report()), benign=2)
    with pytest.raises(BadInput, match="2 loops and 2 benign runs; here are 2 and 1"):
        below(report(), other)
    with pytest.raises(BadInput, match=r"floor\.json"):
        decode_floor(b'{"loops": "many"}', "floor.json")

"""The bench of speed: when a goal is met, when a floor is broken, and what the history keeps."""

import json

import msgspec
import pytest

from bench.figure import Figure, table
from bench.history import append, broken
from bench.workload import workload

MOST = Figure(key="cost", what="cost", value=8.0, unit="x", goal=4.0, ratio=True, beside="8 of 1 µs")
LEAST = Figure(key="speed", what="speed", value=0.3, unit="x", goal=0.25, sense="least", ratio=True)
PLAIN = Figure(key="rss", what="memory", value=70.0, unit="MiB")


def test_goals_are_met_from_their_own_side():
    assert (MOST.met, LEAST.met, PLAIN.met) == (False, True, None)


def test_the_table_tells_value_goal_and_what_is_behind_it():
    rows = table([MOST, LEAST, PLAIN]).splitlines()
    assert [cell.strip() for cell in rows[2].split("|")[1:-1]] == ["cost", "8.00x", "≤ 4.00x", "no", "8 of 1 µs"]
    assert len({len(row) for row in rows}) == 1


@pytest.mark.parametrize(
    ("ratios", "told"),
    [
        ({"cost": 4.1, "speed": 0.5}, []),
        ({"cost": 3.9, "speed": 0.5}, ["cost: 8.00 is over 2.0 x 3.90"]),
        ({"cost": 8.0, "speed": 0.7}, ["speed: 0.30 is under 0.70 / 2.0"]),
        ({"speed": 0.3}, ["cost: not in floor.json"]),
    ],
)
def test_a_floor_is_broken_only_beyond_its_factor(tmp_path, ratios, told):
    floor = tmp_path / "floor.json"
    floor.write_text(json.dumps({"factor": 2.0, "ratios": ratios}))
    assert broken(floor, [MOST, LEAST, PLAIN]) == told


def test_history_keeps_ratios_alone(tmp_path):
    machine = dict.fromkeys(("at", "commit", "python", "fingerprints", "cores", "load"), "")
    for _ in range(2):
        append(tmp_path / "new" / "history.jsonl", machine, [MOST, LEAST, PLAIN])
    lines = (tmp_path / "new" / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["ratios"] for line in lines] == [{"cost": 8.0, "speed": 0.3}] * 2


def test_the_workload_has_the_share_of_loops_and_the_size_that_were_asked_for():
    events = [msgspec.json.decode(data) for data in workload(400, runs=20, size=300, looping=0.2, start=1.0)]
    looping = [event for event in events if event.get("arguments") == '{"q": "again"}']
    assert len(looping) == 80
    assert len({event["run"] for event in looping}) == 4
    others = [event for event in events if event not in looping]
    texts = [[event[name] for name in ("input", "output", "arguments", "result") if name in event] for event in others]
    assert {sum(map(len, each)) for each in texts} == {300}
    assert len({text for each in texts for text in each}) == 2 * len(others)


def test_digests_travel_without_text():
    (data,) = workload(1, runs=1, size=300, looping=0.0, start=1.0, form="digests")
    event = msgspec.json.decode(data)
    assert "fp" in event
    assert not {"input", "output", "arguments", "result"} & set(event)
